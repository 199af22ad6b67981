import { describe, expect, it } from 'vitest';
import type { GenerationResult } from '../../../../domain/generation.ts';
import type { StepState } from '../../../../domain/pipeline/pipeline-run.ts';
import { checkPlan } from '../../../../plans/check-plan.ts';
import type { KeyStanding } from '../../../../plans/deciding/parts.ts';
import { previewPlan } from '../../../../plans/deciding/preview-plan.ts';
import { orderDigest } from '../../../../plans/digest.ts';

const flux = 'blackforestlabs/flux-2-klein/4b/text-to-image';
const kling = 'kling/kling-3.0/standard/image-to-video';
const url = (name: string) => `https://files.example.com/${name}`;
const made = (output: Partial<GenerationResult['output']>): KeyStanding => ({
  kind: 'succeeded',
  result: { requestId: 'r', output: { images: [], videos: [], audios: [], ...output } } as unknown as GenerationResult,
});
const stillKey = (prompt: string) => `film/still@${orderDigest({ model: flux, input: { prompt } })}`;
const clipInput = (image: string, duration = 5) => ({ prompt: 'sweep', start_image_url: image, duration });
const clipKey = (image: string) => `film/clip@${orderDigest({ model: kling, input: clipInput(image) })}`;

const film = (prompts: string[], duration = 5, more: object = {}) => ({
  version: 1,
  steps: {
    still: { model: flux, forEach: prompts, input: { prompt: '${{ item }}' } },
    clip: { model: kling, forEach: '${{ steps.still.images }}', input: clipInput('${{ item }}', duration), ...more },
  },
});

interface Known {
  standing?: Record<string, KeyStanding>;
  earlier?: StepState[];
  orders?: Record<string, { model: string; input: unknown }>;
}

async function preview(plan: object, { standing = {}, earlier = [], orders = {} }: Known = {}) {
  const { checked, issues } = await checkPlan(plan);
  if (checked === undefined) throw new Error(JSON.stringify(issues));
  const parts = {
    lookup: {},
    validator: { validate: () => Promise.resolve({ issues: [], warnings: [] }) },
    generations: { standingOf: (key: string) => Promise.resolve(standing[key] ?? { kind: 'unknown' as const }) },
    isGone: () => Promise.resolve(false),
    earlier,
    readOrder: (key: string) => Promise.resolve(orders[key]),
  };
  return await previewPlan(parts, checked, { key: 'film', request: { orderAgain: true } });
}

const lines = ({ orders }: Awaited<ReturnType<typeof preview>>) =>
  orders.map(({ step, index = 0, decision, reason = '' }) => `${step}[${String(index)}] ${decision} ${reason}`.trim());

describe('the preview of a run', () => {
  it('orders everything of a new plan, and prices what it can', async () => {
    const told = await preview(film(['a']));
    expect(lines(told)).toEqual(['still[0] order new', 'clip[0] order source still will be ordered']);
    expect(told.orders[1]?.priceUsd).toBe(0.63);
  });

  it('orders the edited item and the clip from it alone, and names the field', async () => {
    const before = (prompt: string, index: number) => ({ index, phase: 'succeeded', key: stillKey(prompt) }) as const;
    const told = await preview(film(['a', 'edited']), {
      standing: {
        [stillKey('a')]: made({ images: [url('a.png')] }),
        [clipKey(url('a.png'))]: made({ videos: [url('a.mp4')] }),
      },
      earlier: [{ id: 'still', phase: 'succeeded', items: [before('a', 0), before('b', 1)] }],
      orders: { [stillKey('b')]: { model: flux, input: { prompt: 'b' } } },
    });
    expect(lines(told)).toEqual([
      'still[0] reuse',
      'still[1] order input changed: $.prompt',
      'clip[0] reuse',
      'clip[1] order source still will be ordered',
    ]);
  });

  it('says what has changed: the field, the model, or that nothing is known any more', async () => {
    const standing = { [stillKey('a')]: made({ images: [url('a.png')] }) };
    const clip = clipKey(url('a.png'));
    const earlier: StepState[] = [
      { id: 'clip', phase: 'succeeded', items: [{ index: 0, phase: 'succeeded', key: clip }] },
    ];
    const orders = { [clip]: { model: kling, input: clipInput(url('a.png')) } };
    expect(lines(await preview(film(['a'], 7), { standing, earlier, orders }))[1]).toBe(
      'clip[0] order input changed: $.duration',
    );
    expect(lines(await preview(film(['a'], 5), { standing, earlier }))[1]).toBe('clip[0] order no longer known');
    expect(lines(await preview(film(['a'], 5, { take: 2 }), { standing, earlier, orders }))[1]).toBe(
      'clip[0] order take changed',
    );
    const other = { [clip]: { model: 'a/b', input: {} } };
    expect(lines(await preview(film(['a'], 7), { standing, earlier, orders: other }))[1]).toBe(
      'clip[0] order model changed: was a/b',
    );
  });

  it('uses again, or follows, the fallback that settled a step', async () => {
    const plan = {
      version: 1,
      steps: {
        still: {
          model: flux,
          input: { prompt: 'a' },
          onFailure: { fallback: [{ model: flux, input: { prompt: 'b' } }] },
        },
        clip: { model: kling, input: clipInput('${{ steps.still.image }}') },
      },
    };
    const failure = { type: 'GenerationFailed', message: 'no', submission: 'refused' } as const;
    const first: KeyStanding[] = [
      { kind: 'unbilled', runId: 'run-1', failure },
      { kind: 'failed', failure },
    ];
    for (const standing of first) {
      const known = { [stillKey('a')]: standing, [clipKey(url('b.png'))]: made({ videos: [url('b.mp4')] }) };
      const told = await preview(plan, {
        standing: { ...known, [stillKey('b')]: made({ images: [url('b.png')] }) },
      });
      expect(lines(told)).toEqual(['still[0] reuse', 'clip[0] reuse']);
      expect(told.orders[0]?.key).toBe(stillKey('b'));
      const running = await preview(plan, { standing: { ...known, [stillKey('b')]: { kind: 'running' } } });
      expect(lines(running)[0]).toBe('still[0] attach it runs already');
    }
  });

  it('asks a person again, and assumes the same decision where the choices are the same', async () => {
    const plan = {
      version: 1,
      steps: {
        still: { model: flux, input: { prompt: 'a' } },
        pick: { approval: { choose: '${{ steps.still.images }}' } },
        clip: { model: kling, input: clipInput('${{ steps.pick.choice }}') },
      },
    };
    const images = [url('1.png'), url('2.png')];
    const standing = { [stillKey('a')]: made({ images }), [clipKey(url('2.png'))]: made({ videos: [url('2.mp4')] }) };
    const approval = { choices: images, deadlineAt: '', onDeadline: 'reject', decision: 'approve' } as const;
    const earlier: StepState[] = [
      { id: 'pick', phase: 'succeeded', approval: { ...approval, chosen: [url('2.png')] } },
    ];
    expect(lines(await preview(plan, { standing, earlier }))).toEqual(['still[0] reuse', 'clip[0] reuse']);
    const undecided = await preview(plan, { standing });
    expect(lines(undecided)).toEqual(['still[0] reuse', 'clip[0] order step pick awaits a decision']);
    expect(undecided.steps).toEqual([{ step: 'pick', decision: 'ask', reason: 'awaits a decision' }]);
  });

  it('tells what is skipped, what fails, and that nothing follows a failure', async () => {
    const plan = {
      version: 1,
      steps: {
        still: { model: flux, input: { prompt: 'a' } },
        none: { model: flux, input: { prompt: 'b' }, if: 'false' },
        after: { model: flux, input: { prompt: 'c' }, needs: ['none'] },
        clip: { model: kling, input: clipInput('${{ steps.still.images[7] }}') },
        last: { model: flux, input: { prompt: 'd' }, needs: ['clip'] },
      },
    };
    const told = await preview(plan, { standing: { [stillKey('a')]: made({ images: [url('a.png')] }) } });
    expect(told.steps.map(({ step, decision, reason }) => [step, decision, reason])).toEqual([
      ['none', 'skip', 'its if is false'],
      ['after', 'skip', 'source none was skipped'],
      ['last', 'skip', 'not started: step clip fails'],
    ]);
    expect(told.orders.find(({ step }) => step === 'clip')).toMatchObject({ decision: 'fail', priceUsd: 0 });
    expect(told.warnings.join()).toContain('step clip fails');
  });
});

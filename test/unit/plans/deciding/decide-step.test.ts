import { describe, expect, it } from 'vitest';
import type { StepQuestion } from '../../../../domain/pipeline/pipeline-activities.ts';
import { decideStep } from '../../../../plans/deciding/decide-step.ts';
import type { DecidingParts } from '../../../../plans/deciding/parts.ts';

const parts = { lookup: {} } as unknown as DecidingParts;
const output = (...images: string[]) => ({ images, videos: [], audios: [] });
const bare = { key: 'k-bare', requestId: 'r-bare', output: output() };
const steps = [
  {
    id: 'still',
    phase: 'succeeded',
    items: [
      { index: 0, phase: 'succeeded', ...bare },
      { index: 1, phase: 'succeeded', output: output('a', 'b') },
    ],
  },
  { id: 'one', phase: 'succeeded', ...bare },
];
const decide = (step: object) =>
  decideStep(parts, {
    id: 'next',
    step,
    lineage: 'film',
    values: { declared: {}, params: {}, steps, key: 'film' },
  } as unknown as StepQuestion);
const choose = (count: number) => ({ kind: 'approval', choose: '${{ steps.still.images }}', count });

describe('an approval', () => {
  it('is asked for where there are as many as are to be chosen', async () => {
    expect(await decide(choose(2))).toEqual({ kind: 'choose', choices: ['a', 'b'] });
  });

  it('fails where there are fewer, since nobody could approve it', async () => {
    expect(await decide(choose(3))).toMatchObject({
      kind: 'failed',
      failure: {
        type: 'OutputMissing',
        message: '$.steps.next.approval.count: 3 are to be chosen, and there are 2',
        submission: 'not_sent',
        step: 'still',
      },
    });
  });
});

describe('an output that is missing', () => {
  it.each([
    ['steps.one.image', { step: 'one', key: 'k-bare', requestId: 'r-bare' }],
    ['steps["one"].image', { step: 'one', key: 'k-bare', requestId: 'r-bare' }],
    ['steps.still.items[0].image', { step: 'still', key: 'k-bare', requestId: 'r-bare' }],
    ['steps["still"].items[0]["image"]', { step: 'still', key: 'k-bare', requestId: 'r-bare' }],
    ['steps.still.items[7].image', { step: 'still' }],
    ['size(steps.still.images) > 1 ? steps.one.video : "none"', { step: 'one', requestId: 'r-bare' }],
  ])('names its source, key and request: %s', async (expression, source) => {
    const order = { model: 'some/image', input: { url: `\${{ ${expression} }}` } };
    const answer = await decide({ kind: 'model', order, fallback: [], attempts: 1 });
    expect(answer).toMatchObject({ orders: [{ failure: { type: 'OutputMissing', ...source } }] });
  });
});

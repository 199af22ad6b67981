import { describe, expect, it } from 'vitest';
import { jsonBytes } from '../../../../domain/json.ts';
import type { StepQuestion } from '../../../../domain/pipeline/pipeline-activities.ts';
import { decideStep } from '../../../../plans/deciding/decide-step.ts';
import type { DecidingParts } from '../../../../plans/deciding/parts.ts';

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
const valid = { validate: () => Promise.resolve({ issues: [], warnings: [] }) };
const decide = (step: object, parts: object = {}, more: object = {}) =>
  decideStep(
    { lookup: {}, validator: valid, ...parts } as unknown as DecidingParts,
    {
      id: 'next',
      step,
      lineage: 'film',
      values: { declared: {}, params: {}, steps, key: 'film' },
      ...more,
    } as unknown as StepQuestion,
  );
const choose = (count: number) => ({ kind: 'approval', choose: '${{ steps.still.images }}', count });

describe('an approval', () => {
  it('is asked for where there are as many as are to be chosen', async () => {
    expect(await decide(choose(2))).toEqual({ kind: 'choose', choices: ['a', 'b'] });
  });

  it('is asked for of all that its sources have made, which is paid by then', async () => {
    const images = Array.from({ length: 600 }, (_, at) => `https://files.example.com/${String(at)}.png`);
    const values = { declared: {}, params: {}, key: 'film' };
    const made = {
      id: 'still',
      phase: 'succeeded',
      items: [{ index: 0, phase: 'succeeded', output: output(...images) }],
    };
    const answer = await decide(choose(1), {}, { values: { ...values, steps: [made] } });
    expect(answer).toEqual({ kind: 'choose', choices: images });
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

describe('a step of many orders, whose answers stand in the history', () => {
  const many = { kind: 'model', order: { model: 'some/image', input: '${{ item }}' }, fallback: [], attempts: 1 };
  const wide = { images: [`https://files.example.com/${'a'.repeat(300_000)}`], videos: [], audios: [] };
  const result = { requestId: 'r', model: 'some/image', output: output('https://files.example.com/a.png') };
  const succeeded = (made: object) => () => Promise.resolve({ kind: 'succeeded', result: { ...result, ...made } });
  const unknown = () => Promise.resolve({ kind: 'unknown' });
  const prompts = (count: number, prompt = 'a cat') => Array.from({ length: count }, () => ({ prompt }));

  it.each<[string, object[], standingOf: () => Promise<object>, answers: number]>([
    [
      'reused ones that say much beside their files',
      prompts(200),
      succeeded({ other: { said: 'x'.repeat(16_000) } }),
      1,
    ],
    ['reused ones of enormous addresses', prompts(8), succeeded({ output: wide }), 8],
    ['new ones of long prompts', prompts(8, 'y'.repeat(60_000)), unknown, 2],
  ])('is told in parts that Temporal takes: %s', async (_, items, standingOf, answers) => {
    const step = { ...many, forEach: items };
    const keys = new Set<string>();
    let more: object | undefined = {};
    let asked = 0;
    for (; more !== undefined; asked += 1) {
      const answer = await decide(step, { generations: { standingOf }, isGone: () => Promise.resolve(false) }, more);
      expect(jsonBytes(answer)).toBeLessThan(2_000_000);
      if (answer.kind !== 'orders') throw new Error(answer.kind);
      for (const order of answer.orders) {
        expect(order).toMatchObject({ index: keys.size, kind: standingOf === unknown ? 'order' : 'reuse' });
        if ('key' in order) keys.add(order.key);
      }
      const { next, digests } = answer;
      more = next === undefined ? undefined : { from: next, digests };
    }
    expect(keys.size).toBe(items.length);
    expect(asked).toBe(answers);
  });
});

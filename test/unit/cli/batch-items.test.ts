import { describe, expect, it } from 'vitest';
import { behindKnown } from '../../../cli/commands/batch/new-items.ts';
import { wholeItem } from '../../../cli/commands/batch/whole-item.ts';
import type { BatchItem } from '../../../client/index.ts';

const from = (...items: BatchItem[]): AsyncIterable<BatchItem> => ({
  async *[Symbol.asyncIterator]() {
    await Promise.resolve();
    yield* items;
  },
});
const item = (id: string, prompt = id) => ({ id, input: { prompt, seed: 1 } });

describe('items that are printed for another batch', () => {
  const defaults = { model: 'a/b', input: { seed: 2 }, maxPriceUsd: 0.5, deadlineMs: 60_000, queueDeadlineMs: 1_000 };

  it('keep the limits that the defaults of theirs set', () => {
    const limits = { maxPriceUsd: 0.5, deadlineMs: 60_000 };
    expect(wholeItem({ id: 'a', input: { prompt: 'x' } }, defaults)).toEqual({
      id: 'a',
      model: 'a/b',
      input: { seed: 2, prompt: 'x' },
      ...limits,
    });
    expect(wholeItem({ id: 'a', params: { n: 1 } }, defaults, {})).toEqual({ id: 'a', params: { n: 1 }, ...limits });
  });

  it('keep what they say themselves', () => {
    const own = { id: 'a', model: 'c/d', input: { seed: 1 }, maxPriceUsd: 2, deadlineMs: 5 };
    expect(wholeItem(own, defaults)).toEqual(own);
    expect(wholeItem({ id: 'a', model: 'c/d' })).toEqual({ id: 'a', model: 'c/d', input: {} });
  });
});

describe('a file that is added to a batch', () => {
  it('may hold what the batch has', async () => {
    const again = { input: { seed: 1, prompt: 'b' }, id: 'b' };
    const all = await behindKnown(from(item('a'), item('b')), from(again, item('c')));
    const ids: string[] = [];
    for await (const { id } of all) ids.push(id);
    expect(ids).toEqual(['a', 'b', 'c']);
  });

  it('is refused where it has another item under an id that is taken, by its place', async () => {
    const added = behindKnown(from(item('a'), item('b')), from(item('c'), item('b', 'other')));
    await expect(added).rejects.toMatchObject({
      type: 'InvalidInput',
      message: 'nothing was added: item 2: the batch has another item of id "b"; give what is new ids of its own',
    });
  });

  it.each([
    [
      { n: 5, on: true, list: [1], text: ' x' },
      { n: ' 5', on: 'TRUE', list: '[1]', text: ' x', blank: ' ' },
      'typed there and text here',
      'with',
    ],
    [{ at: { n: '5' } }, { at: { n: 5 } }, 'text there and typed here', 'without'],
    [undefined, { n: ' ' }, 'typed there and text here', 'with'],
  ] as const)(
    '%j is refused as %j with what to do where its CSV was read otherwise',
    async (there, here, how, what) => {
      const of = (input: object | undefined) => from({ id: 'a', ...(input && { input: { ...input } }) });
      await expect(behindKnown(of(there), of(here))).rejects.toMatchObject({
        message: `nothing was added: item 1: the batch has another item of id "a"; its values are ${how}, as a CSV is read where RunComfy's catalogue is not at hand: send the same file ${what} a token of RunComfy`,
      });
    },
  );

  it.each([
    [{ n: 5 }, { n: '6' }],
    [{ n: 5 }, { n: '5', more: 'x' }],
    [
      { n: 5, m: '1' },
      { n: '5', m: 1 },
    ],
    [{ n: [5] }, { n: { 0: 5 } }],
  ] as const)('%j is another item than %j however its CSV was read', async (there, here) => {
    const of = (input: object) => from({ id: 'a', input: { ...input } });
    await expect(behindKnown(of(there), of(here))).rejects.toThrow('; give what is new ids of its own');
  });
});

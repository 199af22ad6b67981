import { describe, expect, it } from 'vitest';
import type { GenerationResult } from '../../../../domain/generation.ts';
import type { KeyStanding } from '../../../../plans/deciding/parts.ts';
import { settleKey } from '../../../../plans/deciding/settle-key.ts';

const url = 'https://files.example.com/a.png';
const result = { requestId: 'r', output: { images: [url], videos: [], audios: [] } } as unknown as GenerationResult;
const failure = { type: 'GenerationFailed', message: 'no', submission: 'accepted' } as const;
const succeeded: KeyStanding = { kind: 'succeeded', result };
const failed: KeyStanding = { kind: 'failed', failure };
const unbilled: KeyStanding = { kind: 'unbilled', runId: 'run-1', failure };

/** What follows from what is known of `k`, `k~2`, `k~3`, …; what is not listed is unknown. */
async function settle(
  known: (KeyStanding | undefined)[],
  options: Parameters<typeof settleKey>[2] = {},
  isGone = false,
) {
  const standingOf = (key: string) =>
    Promise.resolve(known[key === 'k' ? 0 : Number(key.slice(2)) - 1] ?? { kind: 'unknown' as const });
  const generations = { standingOf };
  const { kind, ...more } = await settleKey({ generations, isGone: () => Promise.resolve(isGone) }, 'k', options);
  return {
    kind,
    ...('key' in more && { key: more.key }),
    ...('reason' in more && { reason: more.reason }),
    ...('tries' in more && { tries: more.tries }),
  };
}

describe('the key of an order', () => {
  it('is used again where it succeeded, and followed where it runs', async () => {
    expect(await settle([])).toEqual({ kind: 'order', key: 'k', reason: 'new' });
    expect(await settle([succeeded])).toEqual({ kind: 'reuse', key: 'k' });
    expect(await settle([failed, succeeded])).toEqual({ kind: 'reuse', key: 'k~2' });
    expect(await settle([{ kind: 'running' }])).toEqual({ kind: 'attach', key: 'k', reason: 'it runs already' });
  });

  it('is ordered again, under a further key, where its output is gone', async () => {
    expect(await settle([succeeded], {}, true)).toEqual({ kind: 'order', key: 'k~2', reason: 'output gone' });
  });

  it('is ordered anew under the same key where it provably cost nothing', async () => {
    expect(await settle([unbilled])).toEqual({ kind: 'order', key: 'k', reason: 'the last one cost nothing' });
  });

  it('fails as it failed where it may have been billed, unless it is to be ordered again', async () => {
    expect(await settle([failed])).toEqual({ kind: 'attach', key: 'k', reason: 'failed before' });
    expect(await settle([failed], { orderAgain: true })).toEqual({
      kind: 'order',
      key: 'k~2',
      reason: 'failed before',
    });
    expect(await settle([failed], { usedKeys: ['k'] })).toEqual({ kind: 'order', key: 'k~2', reason: 'new' });
    expect(await settle([{ kind: 'foreign', message: 'taken' }])).toMatchObject({ kind: 'foreign' });
  });

  it('goes by the newest of its orders, whatever became of those before it', async () => {
    expect(await settle([unbilled, failed])).toEqual({ kind: 'attach', key: 'k~2', reason: 'failed before', tries: 1 });
    expect(await settle([failed, unbilled])).toMatchObject({ kind: 'order', key: 'k~2', tries: 1 });
    expect(await settle([failed, unbilled], { orderAgain: true })).toEqual({
      kind: 'order',
      key: 'k~2',
      reason: 'the last one cost nothing',
    });
    expect(await settle([failed, failed, { kind: 'running' }])).toMatchObject({ kind: 'attach', key: 'k~3', tries: 2 });
    expect(await settle([succeeded, succeeded])).toEqual({ kind: 'reuse', key: 'k~2' });
    expect(await settle([failed, succeeded], {}, true)).toEqual({ kind: 'order', key: 'k~3', reason: 'output gone' });
  });

  it('fails as a further order failed that is not one of this run', async () => {
    expect(await settle([failed, failed], { usedKeys: ['k'] })).toMatchObject({ kind: 'attach', key: 'k~2' });
    expect(await settle([failed, failed], { usedKeys: ['k~2'] })).toEqual({ kind: 'order', key: 'k~3', reason: 'new' });
  });

  it('that this pipeline has ordered again already, before it was reset, is not ordered again once more', async () => {
    const since = new Date(1_000);
    const before = { ...failed, startedAt: new Date(999) };
    const own = { ...failed, startedAt: since };
    const ownUnbilled = { ...unbilled, startedAt: since };
    const again = { orderAgain: true, since };
    expect(await settle([before], again)).toEqual({ kind: 'order', key: 'k~2', reason: 'failed before' });
    expect(await settle([before, own], again)).toEqual({ kind: 'attach', key: 'k~2', reason: 'failed before' });
    expect(await settle([before, own, own], again)).toMatchObject({ kind: 'attach', key: 'k~3', tries: 1 });
    expect(await settle([before, own, { kind: 'running' }], again)).toMatchObject({ key: 'k~3', tries: 1 });
    expect(await settle([before, ownUnbilled, own], again)).toMatchObject({ kind: 'attach', key: 'k~3', tries: 1 });
    expect(await settle([before, own, ownUnbilled], again)).toMatchObject({ kind: 'order', key: 'k~3', tries: 1 });
    expect(await settle([before, own, succeeded], again)).toEqual({ kind: 'reuse', key: 'k~3' });
    expect(await settle([before, own], { ...again, usedKeys: ['k~2'] })).toMatchObject({ kind: 'order', key: 'k~3' });
  });

  it('is found behind one that Temporal knows no longer', async () => {
    expect(await settle([undefined, succeeded])).toEqual({ kind: 'reuse', key: 'k~2' });
    expect(await settle([undefined, { kind: 'running' }])).toMatchObject({ kind: 'attach', key: 'k~2' });
    expect(await settle([undefined, failed], { orderAgain: true })).toMatchObject({ kind: 'order', key: 'k~3' });
  });
});

import { describe, expect, it } from 'vitest';
import { createReadPacer } from '../../../activities/read-pacer.ts';

describe('the turns of a worker’s reads', () => {
  it('come no closer than the limit allows, however many are asked for at once', async () => {
    const { takeTurn } = createReadPacer(20);
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 21 }, takeTurn));
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('all wait after a 429, for as long as RunComfy asks', async () => {
    const { takeTurn, slowDown } = createReadPacer();
    slowDown(1_000);
    const startedAt = Date.now();
    await Promise.all([takeTurn(), takeTurn(), takeTurn()]);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('are put off, with the time that is left, when none comes soon', async () => {
    const { takeTurn, slowDown } = createReadPacer();
    slowDown(60_000);
    const refusal = await takeTurn().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ type: 'RateLimited' });
    expect((refusal as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(55_000);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Observation, timingsOf, workMsOf } from '../../../domain/timings.ts';

const start = Date.UTC(2026, 10, 1);
const at = (ms: number) => new Date(start + ms).toISOString();

/** A generation that was queued and ran for so long, as reads at these times saw it. */
function observed(queueMs: number, runMs: number, reads: number[]): Observation {
  const end = queueMs + runMs;
  const seen: Observation = { submittedAt: at(0), noticedAt: at(reads.find((read) => read >= end) ?? end) };
  for (const read of reads) {
    if (read >= end) break;
    seen.lastUnfinishedAt = at(read);
    if (read < queueMs) seen.lastQueuedAt = at(read);
    else seen.startedAt ??= at(read);
  }
  return seen;
}

describe('timingsOf', () => {
  it.each([-86_400_000, -5_000, 0, 5_000, 86_400_000])(
    'tells no delay beyond the time since the submit when RunComfy’s clock is off by %i ms',
    (offMs) => {
      const seen = { submittedAt: at(0), noticedAt: at(9_000), finishedAt: at(8_000 + offMs) };
      const { noticedAfterMs } = timingsOf(seen);
      expect(noticedAfterMs).toBeGreaterThanOrEqual(0);
      expect(noticedAfterMs).toBeLessThanOrEqual(9_000);
    },
  );

  it.each([-86_400_000, 0, 86_400_000])(
    'tells no delay from before a request was taken over, when RunComfy’s clock is off by %i ms',
    (offMs) => {
      const dates = { createdAt: at(offMs - 60_000), finishedAt: at(offMs + 1_000) };
      const { noticedAfterMs } = timingsOf({ followedSince: at(0), noticedAt: at(3_000), ...dates });
      expect(noticedAfterMs).toBeGreaterThanOrEqual(0);
      expect(noticedAfterMs).toBeLessThanOrEqual(3_000);
    },
  );

  it('gives the stages where the reads bracket them closely', () => {
    const everySecond = Array.from({ length: 200 }, (_, second) => second * 1_000);
    const { queueMs, runMs, totalMs } = timingsOf(observed(30_500, 100_500, everySecond));
    expect(queueMs).toBe(30_500);
    expect(runMs).toBe(99_500);
    expect(totalMs).toBe(131_000);
  });

  it('leaves a stage out that the reads do not bracket within a tenth', () => {
    expect(timingsOf(observed(30_500, 100_500, [0, 20_000, 40_000, 80_000, 120_000, 160_000]))).toEqual({
      totalMs: 160_000,
    });
  });

  it("prefers RunComfy's own times for the whole, and tells how late the end was noticed", () => {
    const seen = { submittedAt: at(200), noticedAt: at(61_500), createdAt: at(0), finishedAt: at(60_000) };
    expect(timingsOf(seen)).toEqual({ totalMs: 60_000, noticedAfterMs: 1_500 });
  });

  it('does not believe dates by which the work lasted longer than it was waited for', () => {
    const seen = { submittedAt: at(0), noticedAt: at(8_000), createdAt: '0001-01-01T00:00:00Z', finishedAt: at(7_000) };
    expect(timingsOf(seen)).toMatchObject({ totalMs: 8_000 });
  });

  it("does without times that cannot be read, and is never negative where RunComfy's clock is ahead", () => {
    expect(timingsOf({ noticedAt: at(5), createdAt: 'yesterday', finishedAt: '' })).toEqual({ totalMs: 0 });
    expect(timingsOf({ submittedAt: at(0), noticedAt: at(5_000), finishedAt: at(9_000) })).toEqual({
      totalMs: 5_000,
      noticedAfterMs: 0,
    });
  });

  it('measures by one clock, however far that of the worker is off', () => {
    for (const offMs of [-60_000, -5_000, 5_000, 60_000]) {
      const { submittedAt, startedAt, lastUnfinishedAt, noticedAt, lastQueuedAt } = observed(
        0,
        100_000,
        [1, 30_000, 60_000, 90_000, 104_000],
      );
      const shifted = (text: string | undefined) => new Date(Date.parse(text ?? '') + offMs).toISOString();
      const seen = {
        submittedAt: shifted(submittedAt),
        startedAt: shifted(startedAt),
        lastUnfinishedAt: shifted(lastUnfinishedAt),
        noticedAt: shifted(noticedAt),
        createdAt: at(0),
        finishedAt: at(100_000),
      };
      expect(lastQueuedAt).toBeUndefined();
      expect(timingsOf(seen)).toEqual({ totalMs: 100_000, runMs: 99_999, noticedAfterMs: 4_000 });
    }
  });

  it('never takes a run for longer or shorter than the reads of one clock allow', () => {
    const ms = () => fc.integer({ min: 1_000, max: 600_000 });
    const off = fc.integer({ min: -600_000, max: 600_000 });
    const gaps = fc.array(fc.integer({ min: 200, max: 20_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(ms(), ms(), off, fc.boolean(), gaps, (queueMs, runMs, offMs, isCreatedTold, between) => {
        let now = 0;
        const reads = between.map((gap) => (now += gap));
        reads.push(Math.max(now, queueMs + runMs) + 1);
        const seen = observed(queueMs, runMs, reads);
        const finishedAt = at(queueMs + runMs + offMs);
        const timings = timingsOf({ ...seen, finishedAt, ...(isCreatedTold && { createdAt: at(offMs) }) });
        const msSince = (from: string, to: string) => Date.parse(to) - Date.parse(from);
        const longest = msSince(seen.startedAt ?? seen.noticedAt, seen.noticedAt);
        expect(timings.runMs ?? 0).toBeLessThanOrEqual(longest);
        expect(timings.totalMs).toBeLessThanOrEqual(msSince(at(0), seen.noticedAt));
        expect(timings.totalMs).toBeGreaterThanOrEqual(msSince(at(0), seen.lastUnfinishedAt ?? at(0)));
      }),
    );
  });

  it('is off by no more than a tenth in any stage it gives, however the reads fell', () => {
    const ms = () => fc.integer({ min: 1_000, max: 600_000 });
    const gaps = fc.array(fc.integer({ min: 200, max: 20_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(ms(), ms(), gaps, (queueMs, runMs, between) => {
        let now = 0;
        const reads = between.map((gap) => (now += gap));
        reads.push(Math.max(now, queueMs + runMs) + 1);
        const timings = timingsOf(observed(queueMs, runMs, reads));
        if (timings.queueMs !== undefined)
          expect(Math.abs(timings.queueMs - queueMs)).toBeLessThanOrEqual(queueMs * 0.12);
        if (timings.runMs !== undefined) expect(Math.abs(timings.runMs - runMs)).toBeLessThanOrEqual(runMs * 0.25);
        expect(timings.totalMs).toBeGreaterThanOrEqual(queueMs + runMs);
      }),
    );
  });
});

describe('workMsOf', () => {
  const everySecond = Array.from({ length: 800 }, (_, second) => second * 1_000);

  it('leaves out the time that the work was seen to queue', () => {
    expect(workMsOf(observed(500_200, 20_300, everySecond))).toBe(20_000);
    expect(workMsOf(observed(0, 20_300, everySecond))).toBe(21_000);
  });

  it('is unknown where the reads did not tell it from the queue, and the queue was no small part', () => {
    expect(workMsOf(observed(500_000, 20_000, [0, 250_000, 499_000, 600_000]))).toBeUndefined();
    expect(workMsOf(observed(5_000, 100_000, [0, 4_000, 106_000]))).toBe(102_000);
  });
});

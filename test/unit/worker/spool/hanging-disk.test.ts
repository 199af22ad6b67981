import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { HandOver } from '../../../../worker/spool/hand-over.ts';
import { fails, handOverTo, kept, signal, type Temporal, until } from './hand-over-rig.ts';

/** A disk that answers nothing until it comes back; time passes as the test says until then. */
function hangingDisk() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let comesBack = () => {};
  const answers = new Promise<void>((resolve) => {
    comesBack = () => {
      vi.useRealTimers();
      resolve();
    };
  });
  onTestFinished(() => {
    comesBack();
  });
  return {
    answers,
    comesBack: () => {
      comesBack();
    },
  };
}

/** The disk has 3 s; then the id goes without it. */
async function keptInTime(handOver: HandOver): Promise<void> {
  let isKept = false;
  void handOver.keep(kept).then(() => {
    isKept = true;
  });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(isKept).toBe(true);
}

describe('a request id on a disk that hangs', () => {
  it('is acknowledged, and leaves the spool once that has taken it', async () => {
    const disk = hangingDisk();
    const { handOver, spool, onDisk, calls, log } = await handOverTo({}, { disk: disk.answers });
    await keptInTime(handOver);
    expect(calls).toEqual([{ heartbeatDetails: kept.heartbeatDetails }]);
    expect(log()).toContain('could not be written to the spool');
    disk.comesBack();
    await until(() => onDisk.includes('remove'));
    expect(onDisk).toEqual(['put', 'remove']);
    expect(await spool.list()).toEqual([]);
  });

  it('is sent again and again by signal', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const disk = hangingDisk();
    const { handOver, spool, onDisk, signals, log } = await handOverTo(temporal, { disk: disk.answers });
    await keptInTime(handOver);
    expect(signals()).toEqual([signal]);
    await vi.advanceTimersByTimeAsync(5_000);
    delete temporal.signal;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(log()).toContain('request id handed over by signal');
    expect(signals()).toEqual([signal, signal, signal]);
    disk.comesBack();
    await until(() => onDisk.length === 3);
    expect(onDisk.at(-1)).toBe('remove');
    expect(await spool.list()).toEqual([]);
  });

  it('is left to the spool where that takes it before Temporal does', async () => {
    const disk = hangingDisk();
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, spool, onDisk, log } = await handOverTo(temporal, { disk: disk.answers });
    await keptInTime(handOver);
    disk.comesBack();
    await until(() => onDisk.includes('put'));
    await handOver.stop();
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1' }]);
    expect(log()).not.toContain('neither handed over nor spooled');
  });
});

import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { HandOver } from '../../../../worker/spool/hand-over.ts';
import { openRequestSpool } from '../../../../worker/spool/request-spool.ts';
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

/** Whoever hangs at a pipe finds it empty. */
function letGo(pipe: string): void {
  try {
    closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody hangs at this one.
  }
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

  it('waits for the disk with no more than two calls at once, and none that nobody waits for', async () => {
    const disk = hangingDisk();
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, acceptedBefore, spool, asked, onDisk } = await handOverTo(temporal, { disk: disk.answers });
    const looks = Promise.all([1, 2, 3, 4].map(() => acceptedBefore(kept)));
    const keeps = Promise.all(['request-1', 'request-2'].map((requestId) => handOver.keep({ ...kept, requestId })));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await looks).toEqual([undefined, undefined, undefined, undefined]);
    await keeps;
    expect(asked).toEqual(['find', 'find']);
    disk.comesBack();
    await until(() => onDisk.length === 2);
    expect(asked.filter((what) => what === 'find')).toHaveLength(2);
    expect(await spool.list()).toHaveLength(2);
  });

  it('is looked for in the spool by one call at a time', async () => {
    const disk = hangingDisk();
    const { handOver, asked } = await handOverTo({}, { disk: disk.answers });
    void handOver.drain();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual(['list']);
  });

  it('is looked for once more as the worker ends where an earlier look was late', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const disk = hangingDisk();
    const { handOver, spool, onDisk } = await handOverTo(temporal, { disk: disk.answers });
    void handOver.drain();
    await vi.advanceTimersByTimeAsync(3_500);
    disk.comesBack();
    expect(await spool.list()).toEqual([]);
    await handOver.keep(kept);
    await until(() => onDisk.includes('put'));
    delete temporal.signal;
    await handOver.stop();
    expect(await spool.list()).toEqual([]);
  });

  it('leaves the process its other files', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-hanging-'));
    onTestFinished(() => rm(stateDir, { recursive: true }));
    const spool = openRequestSpool(stateDir);
    await spool.put({ ...kept, acceptedAt: new Date().toISOString() });
    // A pipe that nobody writes to: whoever opens it to read hangs in the system.
    const pipes = [1, 2, 3, 4, 5, 6].map((n) => path.join(stateDir, 'accepted-requests', `${String(n)}.json`));
    execFileSync('mkfifo', pipes);
    let isListed = false;
    const listed = spool.list().finally(() => {
      isListed = true;
    });
    const comesBack = () =>
      until(() => {
        for (const pipe of pipes) letGo(pipe);
        return isListed;
      });
    onTestFinished(comesBack);
    await sleep(500);
    expect((await stat(stateDir)).isDirectory()).toBe(true);
    await comesBack();
    expect(await listed).toMatchObject([{ requestId: 'request-1' }]);
  }, 20_000);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { ActivityCancelledError, WorkflowNotFoundError } from '@temporalio/client';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeptRequestId } from '../../../activities/index.ts';
import { createHandOver } from '../../../worker/hand-over.ts';
import { openRequestSpool } from '../../../worker/request-spool.ts';

interface Temporal {
  /** Acknowledges a heartbeat, or throws. */
  heartbeat?: () => void;
  /** Takes a signal, or throws. */
  signal?: () => void;
}

const kept: KeptRequestId = {
  taskToken: new Uint8Array([7]),
  workflowId: 'generation-1',
  firstExecutionRunId: 'first-run',
  requestId: 'request-1',
  beat: { stage: 'accepted', at: '2026-11-01T00:00:00.000Z', requestId: 'request-1' },
};

/** A hand-over with a spool of its own, and a Temporal that answers as `temporal` says at each moment. */
async function handOverTo(temporal: Temporal, { isSpoolBroken = false } = {}) {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-hand-over-'));
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }));
  const folder = isSpoolBroken ? path.join(stateDir, 'a-file') : stateDir;
  if (isSpoolBroken) await writeFile(folder, '');
  const calls: unknown[] = [];
  // The four calls of a client that the hand-over makes.
  const client = {
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    activity: {
      heartbeat: (_taskToken: Uint8Array, beat: unknown) => {
        temporal.heartbeat?.();
        calls.push({ beat });
        return Promise.resolve();
      },
    },
    workflow: {
      getHandle: (workflowId: string, runId: string | undefined, options: object) => ({
        signal: (name: string, payload: object) => {
          calls.push({ signal: name, workflowId, runId, ...options, payload });
          temporal.signal?.();
          return Promise.resolve();
        },
      }),
    },
  } as unknown as Client;
  const spool = openRequestSpool(folder);
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const handOver = createHandOver({ client, spool, log });
  onTestFinished(() => {
    handOver.stop();
  });
  const signals = () => calls.filter((call) => 'signal' in (call as object));
  return { handOver, spool, calls, signals, log: () => lines.join('') };
}

const fails = (message: string) => () => {
  throw new Error(message);
};
const signal = {
  signal: 'requestAccepted',
  workflowId: 'generation-1',
  runId: undefined,
  firstExecutionRunId: 'first-run',
  payload: { firstExecutionRunId: 'first-run', requestId: 'request-1' },
};

/** Waits for what comes by itself. */
async function until(isReached: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 15_000;
  while (!(await isReached())) {
    if (Date.now() > giveUpAt) throw new Error('it did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('handing over a request id', () => {
  it('is done once Temporal has acknowledged the heartbeat that carries it', async () => {
    const { handOver, spool, calls } = await handOverTo({});
    await handOver.keep(kept);
    expect(calls).toEqual([{ beat: kept.beat }]);
    expect(await spool.list()).toEqual([]);
  });

  it('takes the news of a cancel for an acknowledgement', async () => {
    const { handOver, spool, signals } = await handOverTo({
      heartbeat: () => {
        throw new ActivityCancelledError('cancelled');
      },
    });
    await handOver.keep(kept);
    expect(signals()).toEqual([]);
    expect(await spool.list()).toEqual([]);
  });

  it('goes by signal where the activity is gone, and the workflow is found by its first run', async () => {
    const { handOver, spool, signals } = await handOverTo({ heartbeat: fails('activity not found') });
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    expect(signals()).toEqual([signal]);
    await until(async () => (await spool.list()).length === 0);
  });

  it('keeps the id on the disk while Temporal is away, and hands it over once it is back', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, spool, signals } = await handOverTo(temporal);
    await handOver.keep(kept);
    await until(() => signals().length > 0);
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1', workflowId: 'generation-1' }]);
    delete temporal.signal;
    await until(async () => (await spool.list()).length === 0);
    expect(signals()).toEqual([signal, signal]);
  });

  it('hands over what an earlier worker left behind', async () => {
    const { handOver, spool, signals } = await handOverTo({});
    const { workflowId, firstExecutionRunId, requestId } = kept;
    await spool.put({ workflowId, firstExecutionRunId, requestId, acceptedAt: '2026-11-01T00:00:00.000Z' });
    await handOver.drain();
    expect(signals()).toEqual([signal]);
    expect(await spool.list()).toEqual([]);
  });

  it('keeps the id of a generation that has closed, says so, and does not try for ever', async () => {
    const { handOver, spool, signals, log } = await handOverTo({
      heartbeat: fails('activity not found'),
      signal: () => {
        throw new WorkflowNotFoundError('closed', 'generation-1', undefined);
      },
    });
    await handOver.keep(kept);
    await until(() => log().includes('kept in the spool'));
    await handOver.drain();
    expect(signals()).toHaveLength(1);
    expect(await spool.list()).toMatchObject([{ requestId: 'request-1' }]);
    expect(log()).toContain('request-1');
  });

  it('goes on without a disk to write to: the id is acknowledged, or sent again and again', async () => {
    const temporal: Temporal = { heartbeat: fails('away'), signal: fails('away') };
    const { handOver, signals, log } = await handOverTo(temporal, { isSpoolBroken: true });
    await handOver.keep(kept);
    expect(log()).toContain('RUNCOMFY_STATE_DIR');
    await until(() => signals().length > 0);
    delete temporal.signal;
    await until(() => log().includes('request id handed over by signal'));
    expect(signals()).toEqual([signal, signal]);
  });
});

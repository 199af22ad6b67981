import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import type { KeptRequestId } from '../../../../activities/index.ts';
import { createEarlierRuns } from '../../../../worker/history/earlier-runs.ts';
import { createHandOver } from '../../../../worker/spool/hand-over.ts';
import { openRequestSpool, type RequestSpool } from '../../../../worker/spool/request-spool.ts';
import { openSubmitJournal, type SubmitJournal } from '../../../../worker/spool/submit-journal.ts';
import { hangMs } from '../../../support/patience.ts';

export interface Temporal {
  /** Acknowledges a heartbeat, or throws. */
  heartbeat?: () => void;
  /** Takes a signal, at once or later, or throws. */
  signal?: () => void | Promise<void>;
  /** The newest run of the key; a running one of the chain unless told otherwise. */
  latest?: { status: keyof typeof statusCodes; firstRunId: string };
  /** What a payload in the history of every run holds. */
  inHistory?: string;
}

/** As Temporal numbers them on the wire. */
const statusCodes = { RUNNING: 1, FAILED: 3, PAUSED: 8 } as const;

export const kept: KeptRequestId = {
  taskToken: new Uint8Array([7]),
  workflowId: 'generation-1',
  firstExecutionRunId: 'first-run',
  requestId: 'request-1',
  heartbeatDetails: { stage: 'accepted', at: '2026-11-01T00:00:00.000Z', requestId: 'request-1' },
};

/** A hand-over with a spool of its own on a disk that answers once `disk` does, and a Temporal that answers as `temporal` says at each moment. */
export async function handOverTo(temporal: Temporal, { isSpoolBroken = false, disk = Promise.resolve() } = {}) {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-hand-over-'));
  onTestFinished(() => rm(stateDir, { recursive: true, force: true }));
  const folder = isSpoolBroken ? path.join(stateDir, 'a-file') : stateDir;
  if (isSpoolBroken) await writeFile(folder, '');
  const calls: unknown[] = [];
  // The calls of a client that the hand-over makes.
  const client = {
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    activity: {
      heartbeat: (_taskToken: Uint8Array, heartbeatDetails: unknown) => {
        temporal.heartbeat?.();
        calls.push({ heartbeatDetails });
        return Promise.resolve();
      },
    },
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs: [] },
    },
    workflowService: {
      describeNamespace: () => Promise.resolve({ namespaceInfo: { id: 'namespace-1' } }),
      describeWorkflowExecution: ({ execution: { workflowId } }: { execution: { workflowId: string } }) => {
        const { status = 'RUNNING', firstRunId = 'first-run' } = temporal.latest ?? {};
        const execution = { workflowId, runId: 'run-7' };
        const workflowExecutionInfo = { execution, firstRunId, status: statusCodes[status] };
        return Promise.resolve({ workflowExecutionInfo, pendingActivities: [] });
      },
    },
    workflow: {
      getHandle: (workflowId: string, runId?: string) => ({
        fetchHistory: () => {
          const payload = defaultPayloadConverter.toPayload(JSON.parse(temporal.inHistory ?? 'null'));
          return Promise.resolve({ events: [{ activityTaskCompletedEventAttributes: { result: [payload] } }] });
        },
        signal: (name: string, payload: object) => {
          calls.push({ signal: name, workflowId, runId, payload });
          return Promise.resolve(temporal.signal?.());
        },
      }),
    },
  } as unknown as Client;
  const spool = openRequestSpool(folder);
  const journal = openSubmitJournal(folder);
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const onDisk: string[] = [];
  const asked: string[] = [];
  const ask = (what: string) => {
    asked.push(what);
    return disk;
  };
  const slowSpool: RequestSpool = {
    put: (entry) =>
      ask('put')
        .then(() => spool.put(entry))
        .then(() => void onDisk.push('put')),
    remove: (entry) =>
      ask('remove')
        .then(() => spool.remove(entry))
        .then(() => void onDisk.push('remove')),
    list: () => ask('list').then(() => spool.list()),
  };
  const slowJournal: SubmitJournal = {
    append: (entry) => ask('append').then(() => journal.append(entry)),
    find: (chain) => ask('find').then(() => journal.find(chain)),
  };
  const handOver = createHandOver({ client, spool: slowSpool, journal: slowJournal, log });
  const { acceptedBefore } = createEarlierRuns({ client, journal: slowJournal, log });
  onTestFinished(() => handOver.stop());
  const signals = () => calls.filter((call) => 'signal' in (call as object));
  return { handOver, acceptedBefore, spool, asked, onDisk, journal, calls, signals, log: () => lines.join('') };
}

export const fails = (message: string) => () => {
  throw new Error(message);
};
export const signal = {
  signal: 'requestAccepted',
  workflowId: 'generation-1',
  runId: 'run-7',
  payload: { firstExecutionRunId: 'first-run', requestId: 'request-1' },
};

/** Waits for what comes by itself. */
export async function until(isReached: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + hangMs;
  while (!(await isReached())) {
    if (Date.now() > giveUpAt) throw new Error('it did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

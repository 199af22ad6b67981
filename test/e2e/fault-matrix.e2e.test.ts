import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { describe, expect, inject, it } from 'vitest';
import type { CancelReply } from '../../domain/generation.ts';
import { createRunComfyClient, type RunComfyClient } from '../../runcomfy/client.ts';
import { faultNames, type Simulator } from '../../simulator/index.ts';
import { createGenerationWorker } from '../../worker/index.ts';
import { connectClient, createStack, orderNamed, startQuickSimulator } from '../support/generation-stack.ts';
import { endingOf, type GenerationRun, stateOf } from '../support/generations.ts';
import { hangMs } from '../support/patience.ts';
import { temporaryFolder, until } from '../support/processes.ts';
import { findSecret } from '../support/secret-search.ts';
import { onTestFinished } from '../support/test-end.ts';
import { updateUntilAnswered } from '../support/until-answered.ts';
import { matrix, type MatrixRow, matrixSteps } from './fault-matrix-rows.ts';

const wholeMatrixMs = 4 * hangMs;
/** Shorter than the product's own, for the faults that never answer; long enough for two hundred honest answers at once. */
const patience = { connectMs: 5_000, headersMs: 5_000, bodyMs: 5_000, totalMs: 15_000 };
const sendPatience = { connectMs: 10_000, headersMs: 25_000, bodyMs: 25_000, totalMs: 30_000 };
const timeouts = { submit: sendPatience, status: patience, result: patience, cancel: patience };

/** A RunComfy of its own for each row: what one row is put through reaches no other. */
interface Cell {
  row: MatrixRow;
  token: string;
  simulator: Simulator;
  runcomfy: RunComfyClient;
  /** Reads of each request that the worker has begun: on a busy machine it may give one up before it is sent. */
  reads: Map<string, number>;
  handle: GenerationRun;
}

describe('every fault at every step', () => {
  it('has a row for each fault of the simulator and each step of a generation that it applies to', () => {
    const wanted = faultNames.flatMap(({ name, steps }) =>
      matrixSteps.filter((step) => steps.includes(step)).map((step) => `${step} · ${name}`),
    );
    const covered = matrix.flatMap(({ rules }) => rules.map(({ step, fault }) => `${step} · ${fault}`));
    expect(wanted.filter((name) => !covered.includes(name))).toEqual([]);
    expect(new Set(matrix.map(({ name }) => name)).size).toBe(matrix.length);
  });

  it(
    'ends in the truth, is billed at most once, counts its reads and keeps its id',
    async () => {
      const { settings, startDirectly, checkAll } = await createStack();
      const clients = new Map<string, RunComfyClient>();
      await startMatrixWorker(settings.taskQueue, clients);

      const startCell = async (row: MatrixRow): Promise<Cell> => {
        const token = `sim-secret-${randomUUID()}`;
        const simulator = await startQuickSimulator({
          // Request ids follow from the seed, and must tell the simulators apart.
          seed: matrix.indexOf(row),
          faults: row.rules,
          profiles: { '*': { queueMs: 1_500, runMs: 300 } },
        });
        if (row.cancelledBy !== undefined) simulator.hold();
        const { modelApiBase } = simulator;
        const reads: Cell['reads'] = new Map();
        const runcomfy = countReads(createRunComfyClient({ modelApiBase, token: () => token, timeouts }), reads);
        onTestFinished(() => runcomfy.close());
        clients.set(row.name, runcomfy);
        const key = `${row.name} ${randomUUID()}`;
        const handle = await startDirectly(key, { ...orderNamed(row.name), ...row.request });
        return { row, token, simulator, runcomfy, reads, handle };
      };
      const cells: Cell[] = [];
      const found: Awaited<ReturnType<typeof play>>[] = [];
      for (const rows of groups()) {
        const started = await Promise.all(rows.map(startCell));
        cells.push(...started);
        found.push(...(await Promise.all(started.map((cell) => play(cell, clients)))));
      }

      expect(Object.fromEntries(found.map(({ name, seen }) => [name, seen]))).toEqual(
        Object.fromEntries(found.map(({ name, wanted }) => [name, wanted])),
      );
      await checkAll(cells.map(({ handle }) => handle.workflowId));
    },
    wholeMatrixMs,
  );
});

/** Those with a time of their own stand apart from the crowd; a limit holds back every order of the worker, and comes last. */
function groups(): MatrixRow[][] {
  const isLimited = ({ rules }: MatrixRow) =>
    rules.some(({ fault, step }) => fault === 'rate-limited' && step === 'submit');
  const isTimed = ({ request }: MatrixRow) => request?.deadlineMs !== undefined;
  const isOneOfMany = (row: MatrixRow) => !isLimited(row) && !isTimed(row);
  return [isOneOfMany, isTimed, isLimited].map((is) => matrix.filter(is));
}

function countReads(runcomfy: RunComfyClient, reads: Cell['reads']): RunComfyClient {
  const count = (requestId: string) => reads.set(requestId, (reads.get(requestId) ?? 0) + 1);
  return {
    ...runcomfy,
    status: (requestId, options) => {
      count(requestId);
      return runcomfy.status(requestId, options);
    },
    result: (requestId, options) => {
      count(requestId);
      return runcomfy.result(requestId, options);
    },
  };
}

/** Lets one generation run through its fault, and says what came of it beside what should have. */
async function play(cell: Cell, clients: Map<string, RunComfyClient>) {
  const { row, simulator, handle, token, reads } = cell;
  const { expected } = row;
  const early = await decide(cell, clients);
  const ending = await endingOf(handle);
  const isAdopted = expected.isUnknown === true && row.request === undefined && expected.accepted === 1;
  await until(`${row.name} is over at RunComfy`, () => {
    const { in_queue: queued, in_progress: running } = simulator.ledger().totals.byState;
    return queued + running === 0 || ending.type === 'GenerationTimedOut';
  });
  const { jobs, totals } = simulator.ledger();
  const { state, details, result } = ending;
  const { statusCalls = 0, resultCalls = 0 } = jobs.find(({ id }) => id === state.requestId) ?? {};
  const places = { state: JSON.stringify(state), ending: JSON.stringify({ ...ending, early }) };
  const seen = {
    type: ending.type,
    phase: state.phase,
    submission: state.submission,
    accepted: totals.accepted,
    charged: totals.charged,
    cancel: state.cancel?.outcome,
    files: result?.output.videos.length,
    otherFiles: result && [...result.output.images, ...result.output.audios],
    reads: state.reads,
    uncounted: Math.max(0, statusCalls + resultCalls - state.reads),
    idKept: (result ?? details)?.requestId,
    held: early,
    strays: simulator.events().filter(({ what }) => what === 'redirect followed').length,
    leaks: findSecret(token, places),
  };
  const end = isAdopted ? { type: undefined, phase: 'succeeded', submission: 'accepted' } : expected;
  const isDelivered = end.type === undefined;
  const hasId = isAdopted || expected.submission === 'accepted';
  const wanted = {
    type: end.type,
    phase: end.phase,
    submission: end.submission,
    accepted: expected.accepted,
    charged: expected.charged,
    cancel: expected.cancel,
    files: isDelivered ? (expected.files ?? 1) : undefined,
    otherFiles: isDelivered ? [] : undefined,
    reads: hasId ? reads.get(state.requestId ?? '') : 0,
    uncounted: 0,
    idKept: hasId ? jobs.at(-1)?.id : undefined,
    held:
      expected.isUnknown === true && row.request === undefined
        ? ['submission_unknown', 'unknown', undefined]
        : row.cancelledBy === 'us'
          ? expected.cancel
          : undefined,
    strays: 0,
    leaks: [],
  };
  return { name: row.name, seen, wanted };
}

/** What people do meanwhile: cancel, or decide about a submission that is unknown. */
async function decide({ row, simulator, handle, runcomfy }: Cell, clients: Map<string, RunComfyClient>) {
  const { expected, cancelledBy, request } = row;
  const jobs = () => simulator.ledger().jobs;
  if (expected.isUnknown === true && request === undefined) {
    const state = await until(`${row.name} is held`, async () => {
      const now = await stateOf(handle);
      return now.phase === 'submission_unknown' && now;
    });
    const requestId = jobs()[0]?.id;
    if (requestId !== undefined) clients.set(requestId, runcomfy);
    const resolution = requestId === undefined ? { action: 'abandon' } : { action: 'adopt', requestId };
    await updateUntilAnswered(handle, 'resolveSubmission', resolution);
    return [state.phase, state.submission, state.requestId];
  }
  if (cancelledBy === undefined) return undefined;
  const job = await until(
    `${row.name} waits in the queue`,
    () => jobs().find(({ statusCalls }) => statusCalls > 0),
    wholeMatrixMs,
  );
  if (cancelledBy === 'elsewhere') {
    await runcomfy.cancel(job.id);
    return undefined;
  }
  await until(`${row.name} has been read`, async () => (await stateOf(handle)).reads > 0);
  // What begins to run as the cancel arrives ends only after the answer, however long that takes here.
  simulator.hold({ stage: 'run' });
  const { outcome } = await updateUntilAnswered<CancelReply>(handle, 'cancel');
  simulator.release();
  return outcome;
}

/** A worker whose calls go to the RunComfy of the row: by the prompt when it submits, by the request id from then on. */
async function startMatrixWorker(taskQueue: string, clients: Map<string, RunComfyClient>): Promise<void> {
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const client = await connectClient();
  const of = (name: string): RunComfyClient => {
    const found = clients.get(name);
    if (found === undefined) throw new Error(`no row ${name}`);
    return found;
  };
  const worker = await createGenerationWorker({
    connection,
    client,
    namespace: 'default',
    taskQueue,
    stateDir: await temporaryFolder(),
    log: pino({ level: 'silent' }),
    workflowBundle: { codePath: inject('workflowBundlePath') },
    maxConcurrentSubmits: 200,
    runcomfy: {
      modelApiBase: 'http://127.0.0.1/several',
      async submit(model, input) {
        const chosen = of(String(input['prompt']));
        const accepted = await chosen.submit(model, input);
        clients.set(accepted.requestId, chosen);
        return accepted;
      },
      status: (requestId, options) => of(requestId).status(requestId, options),
      result: (requestId, options) => of(requestId).result(requestId, options),
      cancel: (requestId, options) => of(requestId).cancel(requestId, options),
      listModels: () => Promise.resolve({ models: [], total: 0 }),
      listCategories: () => Promise.resolve([]),
      getModel: (model) => Promise.reject(new Error(`the matrix has no catalogue: ${model}`)),
      balance: () => Promise.reject(new Error('the matrix has no one balance')),
      close: () => Promise.resolve(),
    },
  });
  const done = worker.run();
  onTestFinished(async () => {
    worker.shutdown();
    await done;
    await connection.close();
  });
}

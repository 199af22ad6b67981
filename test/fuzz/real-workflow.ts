import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import pino from 'pino';
import type { GenerationRequest, GenerationResult, GenerationState } from '../../domain/generation.ts';
import type { RunComfyClient } from '../../runcomfy/client.ts';
import { createGenerationWorker } from '../../worker/index.ts';
import { flux } from '../support/simulator-client.ts';
import { type Campaign, run } from './campaign.ts';
import type { Lane } from './lane.ts';
import { type FuzzScript, fuzzScripts } from './script.ts';
import type { Said } from './truth.ts';

const longestMs = 6_000;
const lookEveryMs = 150;

/** Runs of the real workflow, worker and client against a Temporal server. */
export async function fuzzWorkflow(parts: {
  runs: number;
  seed: number;
  parallel: number;
  address: string;
  workflowBundle: { code: string } | { codePath: string };
}): Promise<Campaign> {
  const { address, workflowBundle, seed } = parts;
  quietRuntime();
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await Connection.connect({ address });
  const client = new Client({ connection: clientConnection });
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-fuzz-'));
  const router = createRouter();
  const taskQueue = `fuzz-${String(seed)}-${String(process.pid)}-${String(Date.now())}`;
  const worker = await createGenerationWorker({
    connection,
    client,
    namespace: 'default',
    runcomfy: router.runcomfy,
    stateDir,
    log: pino({ level: 'silent' }),
    taskQueue,
    workflowBundle,
  });
  const done = worker.run();
  try {
    return await run({
      ...parts,
      scripts: fuzzScripts(longestMs),
      hasOwnClock: false,
      play: (lane, script, number) => play({ client, taskQueue, router, lane, script, number }),
    });
  } finally {
    worker.shutdown();
    await done;
    await connection.close();
    await clientConnection.close();
    await rm(stateDir, { recursive: true, force: true });
  }
}

interface Router {
  runcomfy: RunComfyClient;
  /** Which lane's simulator an order with this prompt, and its requests, go to. */
  lead: (prompt: string, lane: Lane) => void;
}

/** Leads each call to the simulator of its generation; the calls themselves are the product's own. */
function createRouter(): Router {
  const byPrompt = new Map<string, Lane>();
  const lanes = new Set<Lane>();
  const anyLane = () => {
    const [lane] = lanes;
    if (lane === undefined) throw new Error('no lane is open');
    return lane.runcomfy;
  };
  const ofRequest = (requestId: string) =>
    [...lanes].find(({ simulator }) => simulator.ledger().jobs.some(({ id }) => id === requestId))?.runcomfy ??
    anyLane();
  return {
    lead(prompt, lane) {
      byPrompt.set(prompt, lane);
      lanes.add(lane);
    },
    runcomfy: {
      modelApiBase: 'http://127.0.0.1/several',
      submit: (model, input) => (byPrompt.get(String(input['prompt']))?.runcomfy ?? anyLane()).submit(model, input),
      status: (requestId, options) => ofRequest(requestId).status(requestId, options),
      result: (requestId, options) => ofRequest(requestId).result(requestId, options),
      cancel: (requestId, options) => ofRequest(requestId).cancel(requestId, options),
      listModels: (query, options) => anyLane().listModels(query, options),
      listCategories: (options) => anyLane().listCategories(options),
      getModel: (model, options) => anyLane().getModel(model, options),
      balance: () => Promise.reject(new Error('the balance plays no part here')),
      close: () => Promise.resolve(),
    },
  };
}

async function play(parts: {
  client: Client;
  taskQueue: string;
  router: Router;
  lane: Lane;
  script: FuzzScript;
  number: number;
}): Promise<Said> {
  const { client, taskQueue, router, lane, script, number } = parts;
  lane.prepare(script, number);
  const prompt = `run ${String(number)} of ${taskQueue}`;
  router.lead(prompt, lane);
  const { policy, onCancelWhileRunning, deadlineMs } = script;
  const request: GenerationRequest = {
    model: flux,
    input: { prompt },
    deadlineMs,
    onUnknownSubmission: policy,
    waiting: { preset: 'interactive' },
    ...(onCancelWhileRunning !== 'unsaid' && { onCancelWhileRunning }),
  };
  const handle = await client.workflow.start('runcomfyGeneration', {
    taskQueue,
    workflowId: prompt,
    args: [request],
  });
  const over = new AbortController();
  const ended = endOf(handle).finally(() => {
    over.abort();
  });
  const cancels = script.cancels.map((cancel) => askToCancel(handle, cancel, over.signal));
  const [end, resubmits] = await Promise.all([ended, decide(handle, script, lane, over.signal), ...cancels]);
  const state = await handle.query<GenerationState>('state');
  return { ...end, state, resubmits };
}

async function endOf(handle: WorkflowHandle): Promise<Pick<Said, 'deliveredId' | 'type'>> {
  try {
    const { requestId } = (await handle.result()) as GenerationResult;
    return { deliveredId: requestId };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { type: error.cause instanceof ApplicationFailure ? (error.cause.type ?? '') : 'Canceled' };
  }
}

async function askToCancel(
  handle: WorkflowHandle,
  { afterMs, way }: FuzzScript['cancels'][number],
  over: AbortSignal,
): Promise<void> {
  await sleep(afterMs, undefined, { signal: over }).catch(() => undefined);
  if (over.aborted) return;
  const asked = {
    signal: () => handle.signal('cancel', { reason: 'fuzz' }),
    update: () => handle.executeUpdate('cancel', { args: [{ reason: 'fuzz' }] }),
    workflow: () => handle.cancel(),
  }[way]();
  // It may have ended in the meantime.
  await asked.catch(() => undefined);
}

/** Does what the script's person does while the submission is unknown; gives the number of further submits. */
async function decide(handle: WorkflowHandle, script: FuzzScript, lane: Lane, over: AbortSignal): Promise<number> {
  const decisions = [...script.decisions];
  let resubmits = 0;
  while (!over.aborted && decisions.length > 0) {
    await sleep(lookEveryMs, undefined, { signal: over }).catch(() => undefined);
    const state = await handle.query<GenerationState>('state').catch(() => undefined);
    if (state?.phase !== 'submission_unknown') continue;
    const decision = decisions.shift();
    const found = lane.simulator.ledger().jobs.at(-1)?.id;
    const resolution =
      decision === 'adopt' && found !== undefined
        ? { action: 'adopt', requestId: found }
        : decision === 'adopt a wrong id'
          ? { action: 'adopt', requestId: 'no-such-request' }
          : decision === 'resubmit' || decision === 'abandon'
            ? { action: decision }
            : undefined;
    if (resolution === undefined) continue;
    // Counted before it is known: one that is refused only makes the check more lenient.
    if (decision === 'resubmit') resubmits += 1;
    await handle.executeUpdate('resolveSubmission', { args: [resolution] }).catch(() => undefined);
  }
  return resubmits;
}

let isRuntimeInstalled = false;

function quietRuntime(): void {
  if (isRuntimeInstalled) return;
  isRuntimeInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
    shutdownSignals: [],
  });
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { createGenerationClient } from '../../client/index.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import type { RunComfyClient } from '../../runcomfy/client.ts';
import { createGenerationWorker } from '../../worker/index.ts';
import { hangMs } from '../support/patience.ts';
import { quietRuntime } from '../support/quiet-runtime.ts';
import { flux } from '../support/simulator-client.ts';
import { type Campaign, run } from './campaign.ts';
import type { Lane } from './lane.ts';
import { oddInput } from './odd-input.ts';
import { type FuzzScript, fuzzScripts } from './script.ts';
import { askToCancel, decide, decideUntimely, endOf, forge, resetRun } from './troubles.ts';
import type { Said } from './truth.ts';

const longestMs = 8_000;

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
  const clientConnection = await Connection.connect({ address, connectTimeout: hangMs });
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
    dataConverter: { payloadCodecs: [router.failingCodec] },
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
  lead: (prompt: string, lane: Lane, unreported: number) => void;
  /** Fails on as many reports of an accepted submit as the script of its generation says. */
  failingCodec: PayloadCodec;
}

/** Leads each call to the simulator of its generation; the calls themselves are the product's own. */
function createRouter(): Router {
  const byPrompt = new Map<string, Lane>();
  const lanes = new Set<Lane>();
  const unreportedOf = new Map<Lane, number>();
  const anyLane = () => {
    const [lane] = lanes;
    if (lane === undefined) throw new Error('no lane is open');
    return lane.runcomfy;
  };
  const laneOf = (requestId: string) =>
    [...lanes].find(({ simulator }) => simulator.ledger().jobs.some(({ id }) => id === requestId));
  const ofRequest = (requestId: string) => laneOf(requestId)?.runcomfy ?? anyLane();
  return {
    lead(prompt, lane, unreported) {
      byPrompt.set(prompt, lane);
      unreportedOf.set(lane, unreported);
      lanes.add(lane);
    },
    failingCodec: {
      encode: (payloads) => {
        const report = payloads.map(({ data }) => acceptedIdIn(data)).find((id) => id !== undefined);
        const lane = report === undefined ? undefined : laneOf(report);
        const left = (lane && unreportedOf.get(lane)) ?? 0;
        if (!lane || left === 0) return Promise.resolve(payloads);
        unreportedOf.set(lane, left - 1);
        return Promise.reject(new Error('the answer cannot be encoded'));
      },
      decode: (payloads) => Promise.resolve(payloads),
    },
    runcomfy: {
      modelApiBase: 'http://127.0.0.1/several',
      submit: (model, input, options) =>
        (byPrompt.get(nameIn(input))?.runcomfy ?? anyLane()).submit(model, input, options),
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

/** The generation's name, which its prompt begins with. */
function nameIn(input: Record<string, unknown>): string {
  return /^run \d+ of [\w-]+/.exec(String(input['prompt']))?.[0] ?? '';
}

/** The request id of a report of an accepted submit. */
function acceptedIdIn(data: Uint8Array | null | undefined): string | undefined {
  const text = data ? Buffer.from(data).toString() : '';
  if (!text.includes('"nextReadInMs"') || !text.includes('"submittedAt"')) return undefined;
  return /"requestId":"([^"]+)"/.exec(text)?.[1];
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
  router.lead(prompt, lane, script.unreported.filter((answer) => answer < 3).length);
  const { policy, onCancelWhileRunning, deadlineMs } = script;
  const request: GenerationRequest = {
    model: flux,
    input: oddInput(script.input, prompt),
    deadlineMs,
    onUnknownSubmission: policy,
    waiting: { preset: 'interactive' },
    ...(onCancelWhileRunning !== 'unsaid' && { onCancelWhileRunning }),
  };
  await client.workflow.start('runcomfyGeneration', {
    taskQueue,
    workflowId: prompt,
    args: [request],
    ...(script.retriedAfterMs !== undefined && {
      workflowRunTimeout: script.retriedAfterMs,
      retry: { initialInterval: '1 second', maximumAttempts: 2 },
    }),
  });
  // Of whichever run is the newest: some are retried, some are reset.
  const handle = client.workflow.getHandle(prompt);
  const over = new AbortController();
  const ended = endOf(handle).finally(() => {
    over.abort();
  });
  const troubles = [
    ...script.cancels.map((cancel) => askToCancel(handle, cancel, over.signal)),
    ...script.forged.map((each) => forge(client, prompt, each, over.signal)),
    resetRun(client, prompt, script, over.signal),
  ];
  const untimely = script.untimely.map((each) => decideUntimely(handle, each, lane, over.signal));
  const [first, ...resubmits] = await Promise.all([ended, decide(handle, script, lane, over.signal), ...untimely]);
  const resets = (await Promise.all(troubles)).filter((what) => what === 'reset').length;
  // A reset that was under way as the run ended has begun another one.
  const end = resets > 0 ? await endOf(handle) : first;
  // Also of a run that Temporal ended before a worker had seen it.
  const state = await (await createGenerationClient({ client, taskQueue }).get(prompt)).state();
  const retries = (await attemptOf(client, prompt)) - 1;
  return { ...end, state, prompt, resets, retries, resubmits: resubmits.reduce((sum, count) => sum + count, 0) };
}

/** Which attempt of its own retry policy the newest run is. */
async function attemptOf(client: Client, workflowId: string): Promise<number> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1,
  });
  return history?.events?.[0]?.workflowExecutionStartedEventAttributes?.attempt ?? 1;
}

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { createGenerationClient, isGenerationError } from '../../../client/index.ts';
import type { UnknownSubmissionPolicy } from '../../../domain/generation.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { messageOf } from '../../../domain/text.ts';
import { createRunComfyClient, type RunComfyClient } from '../../../runcomfy/client.ts';
import type { Simulator } from '../../../simulator/index.ts';
import { bundleWorkflows, createGenerationWorker } from '../../../worker/index.ts';
import type { TemporalTrouble } from '../figures/fault-rows.ts';
import { failingCodec, hugeField, retriedRun } from '../stack/temporal-trouble.ts';
import type { CellEnd } from './peer-process.ts';
import { order } from './protocols.ts';

/** This product, running on one Temporal server. */
export interface Ours {
  run: (
    simulator: Simulator,
    policy: UnknownSubmissionPolicy,
    windowMs: number,
    trouble?: TemporalTrouble,
  ) => Promise<CellEnd>;
  stop: () => Promise<void>;
}

const pollEveryMs = 500;
/** A submission that is still unknown after this time stays unknown, because nobody is there to decide. */
const settledAfterMs = 5_000;
/** Longer, because the POST of the earlier run is still to be answered and its id to be handed over. */
const answeredAfterMs = 30_000;

/** Prepares to run generations: one worker for all of them, which calls the simulator of each generation. */
export async function startOurs(address: string): Promise<Ours> {
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await Connection.connect({ address });
  const client = new Client({ connection: clientConnection });
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-ours-'));
  const providers = createProviders();
  const taskQueue = 'bench-ours';
  const { codec, arm } = failingCodec();
  const worker = await createGenerationWorker({
    connection,
    client,
    namespace: 'default',
    runcomfy: providers.runcomfy,
    stateDir: folder,
    log: pino({ level: 'silent' }),
    taskQueue,
    workflowBundle: await bundleWorkflows(),
    dataConverter: { payloadCodecs: [codec] },
  });
  const done = worker.run();
  const generations = createGenerationClient({ client, taskQueue });

  return {
    async run(simulator, policy, windowMs, trouble) {
      const prompt = providers.add(simulator);
      if (trouble === 'unreported') {
        const isOfOrder = (text: string) => simulator.ledger().jobs.some(({ id }) => text.includes(id));
        arm((text) => text.includes('"nextReadInMs"') && text.includes('"submittedAt"') && isOfOrder(text));
      }
      const request = {
        ...order,
        input: { prompt, ...(trouble === 'huge' && hugeField) },
        onUnknownSubmission: policy,
      };
      const key = `bench-${randomUUID()}`;
      if (trouble === 'retried') {
        const args = [request];
        await client.workflow.start(generationWorkflowType, { taskQueue, workflowId: key, args, ...retriedRun });
      }
      const handle = await generations.start(request, { key });
      const measured = new AbortController();
      const ended = handle.result().then(
        ({ output }) => ({ delivered: Object.values(output).flat().length > 0, outcome: 'delivered' }),
        (error: unknown) => ({ delivered: false, outcome: outcomeOf(error) }),
      );
      const held = heldForGood(handle.state, {
        settledAfterMs: trouble === 'retried' ? answeredAfterMs : settledAfterMs,
        giveUpAt: Date.now() + windowMs,
        measured: measured.signal,
      });
      try {
        return await Promise.race([ended, held]);
      } finally {
        measured.abort();
        const execution = client.workflow.getHandle(handle.key);
        await execution.terminate('measured').catch(() => undefined);
        await Promise.all([ended, held]);
      }
    },
    async stop() {
      worker.shutdown();
      await done;
      await providers.close();
      await connection.close();
      await clientConnection.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Providers {
  /** Adds a simulator and returns the prompt that routes an order to it. */
  add: (simulator: Simulator) => string;
  runcomfy: RunComfyClient;
  close: () => Promise<void>;
}

/** One HTTP client of the product per simulator. Orders are routed by their prompt, requests by their id. */
function createProviders(): Providers {
  const byPrompt = new Map<string, { simulator: Simulator; runcomfy: RunComfyClient }>();
  const ofRequest = (requestId: string) => {
    const holds = ({ simulator }: { simulator: Simulator }) =>
      simulator.ledger().jobs.some(({ id }) => id === requestId);
    const found = [...byPrompt.values()].find(holds) ?? [...byPrompt.values()][0];
    if (found === undefined) throw new Error(`no simulator knows request ${requestId}`);
    return found.runcomfy;
  };
  const anyOne = () => ofRequest('');
  return {
    add(simulator) {
      const { modelApiBase, serverlessApiBase } = simulator;
      const runcomfy = createRunComfyClient({ modelApiBase, serverlessApiBase, token: () => 'sim-bench' });
      const prompt = `${order.input.prompt}, number ${String(byPrompt.size + 1)}`;
      byPrompt.set(prompt, { simulator, runcomfy });
      return prompt;
    },
    runcomfy: {
      modelApiBase: 'http://127.0.0.1/several',
      submit(model, input, options) {
        const provider = byPrompt.get(String(input['prompt']));
        if (provider === undefined) throw new Error('no simulator belongs to this order');
        return provider.runcomfy.submit(model, input, options);
      },
      status: (requestId, options) => ofRequest(requestId).status(requestId, options),
      result: (requestId, options) => ofRequest(requestId).result(requestId, options),
      cancel: (requestId, options) => ofRequest(requestId).cancel(requestId, options),
      listModels: (query, options) => anyOne().listModels(query, options),
      listCategories: (options) => anyOne().listCategories(options),
      getModel: () => Promise.reject(new Error('the catalogue plays no part here')),
      balance: () => Promise.reject(new Error('the balance plays no part here')),
      close: () => Promise.resolve(),
    },
    async close() {
      await Promise.all(Array.from(byPrompt.values(), ({ runcomfy }) => runcomfy.close()));
    },
  };
}

function outcomeOf(error: unknown): string {
  if (isGenerationError(error)) return error.type === 'SubmitOutcomeUnknown' ? 'submission unknown' : error.type;
  return messageOf(error);
}

async function heldForGood(
  state: () => Promise<{ phase?: string }>,
  parts: { settledAfterMs: number; giveUpAt: number; measured: AbortSignal },
): Promise<CellEnd> {
  let since: number | undefined;
  while (Date.now() < parts.giveUpAt && !parts.measured.aborted) {
    await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
    const { phase } = await state().catch(() => ({ phase: undefined }));
    if (phase !== 'submission_unknown') since = undefined;
    else if (Date.now() - (since ??= Date.now()) > parts.settledAfterMs) {
      return { delivered: false, outcome: 'submission unknown, held' };
    }
  }
  return { delivered: false, outcome: 'still at it when the time was up' };
}

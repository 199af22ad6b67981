import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import {
  createGenerationClient,
  type GenerationClient,
  type PipelineClient,
  type PipelineHandle,
} from '../../client/index.ts';
import type { PipelineState } from '../../domain/pipeline/pipeline-run.ts';
import type { LedgerJob, Simulator, SimulatorOptions } from '../../simulator/index.ts';
import { untilSeen } from './eventually.ts';
import { connectClient, startQuickSimulator } from './generation-stack.ts';
import { checkExecutions, historiesOf } from './generations.ts';
import { inProcessWorkers } from './in-process-workers.ts';
import type { PipelineShape } from './pipeline-shapes.ts';
import { quietRuntime } from './quiet-runtime.ts';
import { recordHistories } from './record-history.ts';
import { flux, kling } from './simulator-client.ts';

/** Everything a test of pipelines needs: client, simulator, and workers that it may stop and start. */
export interface PipelineStack {
  client: Client;
  generations: GenerationClient;
  pipelines: PipelineClient;
  simulator: Simulator;
  workers: Awaited<ReturnType<typeof inProcessWorkers>>;
  /** The jobs that RunComfy accepted with this prompt. */
  jobsOf: (prompt: string) => LedgerJob[];
  /** A new unique key. */
  key: () => string;
}

/**
 * Creates pipelines on the simulator, whose outputs have a public https origin, as models that take URLs require. Uses
 * the server shared by all tests unless `address` names another.
 */
export async function pipelineStack(options: SimulatorOptions = {}, address?: string): Promise<PipelineStack> {
  quietRuntime();
  const client = await connectClient(address);
  const simulator = await startQuickSimulator({
    profiles: { '*': { queueMs: 100, runMs: 100 } },
    ...options,
    switches: {
      max_parallel: 1_000,
      wallet_usd: 10_000,
      output_host: 'https://files.example.com',
      ...options.switches,
    },
  });
  const workers = await inProcessWorkers(client, simulator.modelApiBase, {}, address);
  await workers.start();
  const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
  return {
    client,
    generations,
    pipelines: generations.pipelines,
    simulator,
    workers,
    jobsOf: (prompt) => simulator.ledger().jobs.filter(({ input }) => input['prompt'] === prompt),
    key: () => `pipeline-${randomUUID()}`,
  };
}

/** A plan for a still, and a clip made from it. */
export function stillAndClip(name: string, more: Record<string, unknown> = {}) {
  return {
    version: 1,
    steps: {
      still: { model: flux, input: { prompt: `${name} still` } },
      clip: {
        model: kling,
        input: { prompt: `${name} clip`, start_image_url: '${{ steps.still.image }}', duration: 5 },
        ...more,
      },
    },
  };
}

/**
 * The full state of a pipeline. Retries while a busy worker leaves the query unanswered, since the server itself knows
 * less.
 */
export async function toldState(pipeline: PipelineHandle): Promise<PipelineState> {
  return await untilSeen(async () => {
    const state = await pipeline.state();
    return state.isFromServer ? undefined : state;
  });
}

/**
 * Checks that no workflow task of the pipeline and its first orders failed and that their histories replay. `shape`:
 * the name to record the history under.
 */
export async function checkPipeline(client: Client, pipeline: PipelineHandle, shape?: PipelineShape): Promise<void> {
  if (shape !== undefined) await recordHistories(shape, await historiesOf(client, pipeline.key), 'runcomfyPipeline');
  const state = await toldState(pipeline);
  const orders = state.steps.flatMap(({ key, attempts = [], items = [] }) => [
    ...(key === undefined ? [] : [key]),
    ...attempts.map((attempt) => attempt.key),
    ...items.flatMap((item) => (item.key === undefined ? [] : [item.key])),
  ]);
  await checkExecutions(client, [...new Set([pipeline.key, ...orders.slice(0, 10)])]);
}

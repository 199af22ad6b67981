import { randomUUID } from 'node:crypto';
import { Client, type Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { createGenerationClient, type GenerationClient } from '../../client/index.ts';
import { createSearchAttributes } from '../../client/operator/index.ts';
import { generationWorkflowType, searchAttributeNames } from '../../domain/names.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import type { runcomfyGeneration } from '../../workflows/generation/generation.ts';
import { connectTo } from './connect.ts';
import { checkExecutions, type GenerationRun } from './generations.ts';
import { registerNamespace } from './namespaces.ts';
import type { ProcessSettings } from './processes.ts';
import { quietRuntime } from './quiet-runtime.ts';
import { kling, klingInput } from './simulator-client.ts';
import { onTestFinished } from './test-end.ts';

/** Creates a Temporal client for one test. */
export async function connectClient(address: string = inject('temporalAddress')): Promise<Client> {
  const connection = await connect(address);
  return new Client({ connection });
}

/**
 * Creates a client for a new namespace that holds nothing but our search attributes, for tests that look at everything
 * in a namespace.
 */
export async function connectToOwnNamespace(attributes = searchAttributeNames): Promise<Client> {
  const connection = await connect(inject('temporalAddress'));
  const namespace = `own-${randomUUID()}`;
  await registerNamespace(connection, namespace);
  const client = new Client({ connection, namespace });
  if (attributes.length > 0) await createSearchAttributes(client, attributes);
  return client;
}

async function connect(address: string): Promise<Connection> {
  const connection = await connectTo(address);
  onTestFinished(() => connection.close());
  return connection;
}

/**
 * Starts a simulator that stops at the end of the test. By default, jobs queue for half a second and run for half a
 * second.
 */
export async function startQuickSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({
    seed: 11,
    profiles: { '*': { queueMs: 500, runMs: 500 } },
    switches: { max_parallel: 1_000, wallet_usd: 10_000 },
    ...options,
  });
  onTestFinished(() => simulator.close());
  return simulator;
}

/**
 * Everything a test of real processes needs: our client, Temporal's, a simulator, and the settings of its processes.
 */
export interface GenerationStack {
  client: Client;
  generations: GenerationClient;
  simulator: Simulator;
  settings: ProcessSettings;
  /** Starts a generation as any Temporal client would. */
  startDirectly: (key: string, argument: unknown) => Promise<GenerationRun>;
  /** Checks every run of these keys: no workflow task failed, and the history replays. */
  checkAll: (keys: string[]) => Promise<void>;
}

/** Starts everything but the worker, on a task queue of its own. */
export async function createStack(
  options: { address?: string; client?: Client; simulator?: SimulatorOptions; token?: string } = {},
): Promise<GenerationStack> {
  quietRuntime();
  const address = options.address ?? inject('temporalAddress');
  const client = options.client ?? (await connectClient(address));
  const simulator = await startQuickSimulator(options.simulator);
  const taskQueue = `e2e-${randomUUID()}`;
  const { modelApiBase, serverlessApiBase } = simulator;
  return {
    client,
    generations: createGenerationClient({ client, taskQueue }),
    simulator,
    settings: {
      temporalAddress: address,
      modelApiBase,
      serverlessApiBase,
      taskQueue,
      temporalNamespace: client.options.namespace,
      ...(options.token !== undefined && { token: options.token }),
    },
    startDirectly: async (key, argument) =>
      await client.workflow.start<typeof runcomfyGeneration>(generationWorkflowType, {
        args: [argument as Parameters<typeof runcomfyGeneration>[0]],
        workflowId: key,
        taskQueue,
      }),
    checkAll: (keys) => checkExecutions(client, keys),
  };
}

/** An order of the Kling model whose prompt can be found in the ledger. */
export function orderNamed(name: string): { model: typeof kling; input: typeof klingInput } {
  return { model: kling, input: { ...klingInput, prompt: name } };
}

/** The jobs that the simulator accepted for an order made by `orderNamed`. */
export function jobsNamed(simulator: Simulator, name: string) {
  return simulator.ledger().jobs.filter(({ input }) => input['prompt'] === name);
}

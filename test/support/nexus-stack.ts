import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { afterAll, beforeAll, inject } from 'vitest';
import { createRunComfyClient } from '../../runcomfy/client.ts';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { createGenerationWorker } from '../../worker/index.ts';
import { connectTo } from './connect.ts';
import { createNexusEndpoint, registerNamespace } from './namespaces.ts';
import type { NexusAnswer, NexusCall, nexusCaller } from './nexus-caller.ts';
import { hangMs } from './patience.ts';
import { quietRuntime } from './quiet-runtime.ts';

/** Prefix of the keys of the tests' callers. */
export const nexusTenant = 'nexus-tests';

/** A generation worker that offers the service, and a worker of callers in a namespace of its own. */
export interface NexusStack {
  taskQueue: string;
  /** Client of the namespace in which generations run. */
  client: () => Client;
  simulator: () => Simulator;
  /** Starts a workflow of the other namespace that calls one operation. */
  begin: (operation: NexusCall['operation'], input: unknown) => Promise<WorkflowHandle<typeof nexusCaller>>;
  /** Like `begin`, and waits for the answer. */
  ask: (operation: NexusCall['operation'], input: unknown) => Promise<NexusAnswer>;
}

/** Starts the stack before the tests of the calling file, and stops it after them. */
export function nexusStack(): NexusStack {
  const taskQueue = `nexus-${randomUUID()}`;
  const undo: (() => unknown)[] = [];
  let client: Client;
  let callers: Client;
  let simulator: Simulator;
  let endpoint: string;

  beforeAll(async () => {
    quietRuntime();
    const address = inject('temporalAddress');
    const [connection, native] = await Promise.all([connectTo(address), NativeConnection.connect({ address })]);
    undo.push(
      () => connection.close(),
      () => native.close(),
    );
    client = new Client({ connection });
    simulator = await startSimulator({ seed: 9, profiles: { '*': { queueMs: 200, runMs: 200 } } });
    undo.push(() => simulator.close());
    const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-nexus-'));
    undo.push(() => rm(stateDir, { recursive: true, force: true }));
    const { modelApiBase } = simulator;
    const ours = await createGenerationWorker({
      connection: native,
      client,
      namespace: 'default',
      taskQueue,
      stateDir,
      runcomfy: createRunComfyClient({ modelApiBase, token: () => 'sim-nexus' }),
      log: pino({ level: 'silent' }),
      workflowBundle: { codePath: inject('workflowBundlePath') },
      nexus: { keyPrefix: `${nexusTenant}/` },
    });
    runUntilTheEnd(ours);
    endpoint = await createNexusEndpoint(connection, { namespace: 'default', taskQueue });
    const namespace = `callers-${randomUUID()}`;
    await registerNamespace(connection, namespace);
    callers = new Client({ connection, namespace });
    const patient = { connection: native, isolateExecutionTimeout: hangMs };
    runUntilTheEnd(
      await Worker.create({
        ...patient,
        namespace,
        taskQueue: 'callers',
        workflowsPath: fileURLToPath(new URL('./nexus-caller.ts', import.meta.url)),
      }),
    );
  });

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  function runUntilTheEnd(worker: { run: () => Promise<void>; shutdown: () => void }): void {
    const done = worker.run();
    undo.push(() => {
      worker.shutdown();
      return done;
    });
  }

  const begin: NexusStack['begin'] = (operation, input) =>
    callers.workflow.start<typeof nexusCaller>('nexusCaller', {
      workflowId: randomUUID(),
      taskQueue: 'callers',
      args: [{ endpoint, operation, input }],
    });
  return {
    taskQueue,
    client: () => client,
    simulator: () => simulator,
    begin,
    ask: async (operation, input) => (await begin(operation, input)).result(),
  };
}

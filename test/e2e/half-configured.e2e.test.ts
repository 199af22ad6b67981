import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { describe, expect, inject, it } from 'vitest';
import { createEncryptionCodec } from '../../codec/index.ts';
import { submitTaskQueue } from '../../domain/names.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually, untilSeen } from '../support/eventually.ts';
import { connectClient, startQuickSimulator } from '../support/generation-stack.ts';
import { inProcessWorkers } from '../support/in-process-workers.ts';
import { registerNamespace } from '../support/namespaces.ts';
import { hangMs } from '../support/patience.ts';
import { runCommand, temporaryFolder } from '../support/processes.ts';
import { quietRuntime } from '../support/quiet-runtime.ts';
import { flux } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

interface Failure {
  error: { type: string; message: string; key: string };
}

const input = JSON.stringify({ prompt: 'a lighthouse' });
const keys: Record<string, Buffer> = { k1: randomBytes(32), k2: randomBytes(32) };

/** As the product has it: Node would end this process where a busy machine leaves a task unfinished. */
const patient = { isolateExecutionTimeout: hangMs };

/** The named keys, the first of which is the one that is used. */
function keysOf(ids: string[]) {
  const [activeKeyId = ''] = ids;
  return { activeKeyId, keys: Object.fromEntries(ids.map((id) => [id, keys[id]?.toString('base64') ?? ''])) };
}

/** The variables of a command line that has these keys. */
async function variablesWith(ids: string[]): Promise<Record<string, string>> {
  if (ids.length === 0) return {};
  const file = path.join(await temporaryFolder(), 'codec-keys.json');
  await writeFile(file, JSON.stringify(keysOf(ids)), { mode: 0o600 });
  return { RUNCOMFY_CODEC_KEYS_FILE: file };
}

/** A worker that has these keys, for a RunComfy whose queue does not move. */
async function startWorkerWith(ids: string[]) {
  quietRuntime();
  const simulator = await startQuickSimulator({ profiles: { '*': { queueMs: 600_000 } } });
  const { connection } = await connectClient();
  const dataConverter = ids.length === 0 ? {} : { payloadCodecs: [createEncryptionCodec(keysOf(ids))] };
  const client = new Client({ connection, dataConverter });
  const workers = await inProcessWorkers(client, simulator.modelApiBase, { dataConverter });
  await workers.start();
  return { simulator, client, taskQueue: workers.taskQueue };
}

/**
 * What an order's command told. One whose first task a busy machine did not answer in time is made again under another key:
 * Temporal keeps the reason of the first failure alone.
 */
async function generate(name: string, env: Record<string, string>) {
  return await untilSeen(async () => {
    const key = `${name} ${randomUUID()}`;
    const args = ['generate', flux, '--input', input, '--key', key, '--output', 'json'];
    const { exitCode, stdout } = await commandInProcess(args, env);
    const { error } = JSON.parse(stdout) as Failure;
    if (!error.message.includes('did not answer in time')) return { key, exitCode, error };
    await (await connectClient()).workflow.getHandle(key).terminate('told of a busy machine alone');
    return undefined;
  });
}

describe('a command line and a worker that do not go together', () => {
  it.each<[what: string, commandHas: string[], workerHas: string[], type: string, code: number, why: RegExp]>([
    ['a client with keys, a worker without', ['k1'], [], 'WorkerFailing', 69, /a key that this worker lacks/],
    ['each with other keys', ['k1'], ['k2'], 'WorkerFailing', 69, /a key that this worker lacks/],
    ['a worker with keys, a client without', [], ['k1'], 'Undecodable', 78, /the codec and the keys of the workers/],
    ['a worker whose newer key the client lacks', ['k1'], ['k2', 'k1'], 'Undecodable', 78, /the keys of the workers/],
  ])('%s: said while it waits', async (_what, commandHas, workerHas, type, code, why) => {
    const { simulator, taskQueue } = await startWorkerWith(workerHas);
    const env = { RUNCOMFY_TASK_QUEUE: taskQueue, ...(await variablesWith(commandHas)) };
    const { key, exitCode, error } = await generate('half', env);
    expect({ exitCode, type: error.type, key: error.key }).toEqual({ exitCode: code, type, key });
    expect(error.message).toMatch(why);
    expect(error.message).toContain(`\`runcomfy-temporal result '${key}'\``);
    // It was left while nothing had come to an end.
    expect(simulator.ledger().jobs.filter(({ state }) => state !== 'in_queue')).toEqual([]);
  });

  it("a worker of somebody else's on the task queue: its reason is told, also by status", async () => {
    quietRuntime();
    const taskQueue = `foreign-${randomUUID()}`;
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const activities = { payInvoice: () => Promise.resolve() };
    const workflowsPath = fileURLToPath(new URL('../support/parent-workflow.ts', import.meta.url));
    const workers = await Promise.all([
      Worker.create({ connection, ...patient, taskQueue, activities, workflowsPath }),
      Worker.create({ connection, taskQueue: submitTaskQueue(taskQueue), activities }),
    ]);
    const done = workers.map((worker) => worker.run());
    onTestFinished(async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(done);
      await connection.close();
    });
    const { key, exitCode, error } = await generate('foreign', { RUNCOMFY_TASK_QUEUE: taskQueue });
    expect({ exitCode, type: error.type }).toEqual({ exitCode: 69, type: 'WorkerFailing' });
    expect(error.message).toContain('no such function is exported');
    const status = await commandInProcess(['status', key, '--output', 'pretty'], { RUNCOMFY_TASK_QUEUE: taskQueue });
    expect(status).toMatchObject({ exitCode: 69, stdout: expect.stringContaining('stuck') as string });
    // The server lists a generation a moment after it began.
    await eventually(async () => {
      const doctor = await commandInProcess(['doctor', '--output', 'json'], { RUNCOMFY_TASK_QUEUE: taskQueue });
      expect(doctor.exitCode).not.toBe(0);
      expect((JSON.parse(doctor.stdout) as { checks: unknown[] }).checks).toContainEqual(
        expect.objectContaining({
          check: 'generations',
          status: 'failed',
          message: expect.stringMatching(new RegExp(`1 of the 1 .*${key}.*no such function is exported`)) as string,
        }),
      );
    });
    const resolved = await commandInProcess(['resolve', key, '--abandon', '--output', 'json'], {});
    expect(JSON.parse(resolved.stdout)).toMatchObject({ error: { type: 'WorkerFailing' } });
  });

  it('a worker that has other activities alone beside one of ours: said while it waits, also by doctor', async () => {
    quietRuntime();
    const taskQueue = `half-${randomUUID()}`;
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const activities = { payInvoice: () => Promise.resolve() };
    const workflowBundle = { codePath: inject('workflowBundlePath') };
    const workers = await Promise.all([
      Worker.create({ connection, ...patient, taskQueue, workflowBundle, activities }),
      Worker.create({ connection, taskQueue: submitTaskQueue(taskQueue), activities }),
    ]);
    const done = workers.map((worker) => worker.run());
    onTestFinished(async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(done);
      await connection.close();
    });
    const { key, exitCode, error } = await generate('activities', { RUNCOMFY_TASK_QUEUE: taskQueue });
    expect({ exitCode, type: error.type }).toEqual({ exitCode: 69, type: 'WorkerFailing' });
    expect(error.message).toContain('submitRequest is not registered');
    const status = await commandInProcess(['status', key, '--output', 'pretty'], { RUNCOMFY_TASK_QUEUE: taskQueue });
    expect(status.stdout).toMatch(/stuck .*submitRequest is not registered/);
    await eventually(async () => {
      const doctor = await commandInProcess(['doctor', '--output', 'json'], { RUNCOMFY_TASK_QUEUE: taskQueue });
      expect((JSON.parse(doctor.stdout) as { checks: unknown[] }).checks).toContainEqual(
        expect.objectContaining({ check: 'generations', status: 'failed' }),
      );
    });
  });

  it('a worker whose address of health is taken: its own sentence is told, and that of nobody else', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const address = `127.0.0.1:${String((taken.address() as AddressInfo).port)}`;
    const env = { RUNCOMFY_HEALTH_ADDRESS: address, RUNCOMFY_STATE_DIR: await temporaryFolder() };
    const settings = { temporalAddress: inject('temporalAddress'), taskQueue: `health-${randomUUID()}`, env };
    const { exitCode, stdout } = await runCommand(['worker', '--output', 'json'], settings);
    const { error } = JSON.parse(stdout) as Failure;
    expect({ exitCode, type: error.type }).toEqual({ exitCode: 78, type: 'Configuration' });
    expect(error.message).toContain(`RUNCOMFY_HEALTH_ADDRESS: cannot listen on ${address}`);
  });

  it('a worker in another namespace: the message names queue and namespace', async () => {
    const { client, taskQueue } = await startWorkerWith([]);
    const namespace = `other-${randomUUID()}`;
    await registerNamespace(client.connection, namespace);
    const env = { RUNCOMFY_TASK_QUEUE: taskQueue, TEMPORAL_NAMESPACE: namespace };
    const { exitCode, error } = await generate('elsewhere', env);
    expect({ exitCode, type: error.type }).toEqual({ exitCode: 69, type: 'NoWorker' });
    expect(error.message).toContain(`task queue "${taskQueue}" of namespace "${namespace}"`);
  });
});

import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { createRunComfyClient, type RunComfyClient } from '../../../runcomfy/client.ts';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import type { GenerationWorkerOptions } from '../../../worker/index.ts';
import { connectClient, startQuickSimulator } from '../../support/generation-stack.ts';
import { stateOf, untilState } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';
import { kling, klingInput } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

const order = { model: kling, input: klingInput };

/** A generation that one machine begins and another goes on with: each has a state folder of its own. */
async function twoMachines(options: SimulatorOptions = {}) {
  quietRuntime();
  const [client, simulator] = await Promise.all([connectClient(), startQuickSimulator(options)]);
  const workers = await inProcessWorkers(client, simulator.modelApiBase);
  const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
  return {
    client,
    simulator,
    generations,
    startFirst: (runcomfy?: RunComfyClient, more: Partial<GenerationWorkerOptions> = {}) =>
      workers.start({ ...(runcomfy && { runcomfy }), ...more }),
    startSecond: async () => {
      await workers.start({ stateDir: await temporaryFolder() });
    },
    stop: workers.stop,
  };
}

/** Begins a new run, the newest unless told otherwise, from before its submit. */
async function resetToBeforeTheSubmit(client: Client, key: string, runId = ''): Promise<void> {
  const { events } = await client.workflow.getHandle(key, runId || undefined).fetchHistory();
  const firstTask = events?.find(({ workflowTaskCompletedEventAttributes: completed }) => completed);
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: key, runId },
    reason: 'test',
    requestId: randomUUID(),
    ...(firstTask?.eventId && { workflowTaskFinishEventId: firstTask.eventId }),
  });
}

/** A client of RunComfy that keeps what it was answered to a submit to itself until it is released. */
function holdReplies(modelApiBase: string) {
  const runcomfy = createRunComfyClient({ modelApiBase, token: () => 'sim-held' });
  const gate = new EventEmitter();
  onTestFinished(() => {
    gate.emit('released');
    return runcomfy.close();
  });
  const released = once(gate, 'released');
  const answered = once(gate, 'answered');
  const submit: RunComfyClient['submit'] = async (model, input) => {
    const reply = await runcomfy.submit(model, input);
    gate.emit('answered');
    await released;
    return reply;
  };
  return { answered, release: () => gate.emit('released'), runcomfy: { ...runcomfy, submit } };
}

describe.concurrent('a generation that is reset to before its submit', () => {
  it('takes over what the run before it had accepted, on another machine', async () => {
    const { client, simulator, generations, startFirst, startSecond, stop } = await twoMachines();
    await startFirst();
    const { key, result } = await generations.start(order);
    const { requestId } = await result();
    await stop();
    await resetToBeforeTheSubmit(client, key);
    await startSecond();
    expect(await client.workflow.result(key)).toMatchObject({ requestId });
    expect(simulator.ledger().totals.submits).toBe(1);
  });

  it('takes it over although its webhook can be delivered to no more', async () => {
    const { client, simulator, generations, startFirst, startSecond, stop } = await twoMachines();
    const secretsOf = () => Promise.resolve([`whsec_${Buffer.alloc(32, 1).toString('base64')}`]);
    await startFirst(undefined, { webhooks: { secretsOf, allowedHosts: [] } });
    const webhook = { url: 'https://hooks.example/', secret: 'acme', events: ['generation.failed' as const] };
    const { key, result } = await generations.start({ ...order, webhook });
    const { requestId } = await result();
    await stop();
    await resetToBeforeTheSubmit(client, key);
    await startSecond();
    expect(await client.workflow.result(key)).toMatchObject({ requestId });
    const told = expect.stringContaining('the webhook cannot be used') as unknown;
    expect((await stateOf(client.workflow.getHandle(key))).warnings).toContainEqual(told);
    expect(simulator.ledger().totals.submits).toBe(1);
  });

  it('cancels what the run before it had accepted, although no submit has been made since', async () => {
    const { client, simulator, generations, startFirst, startSecond, stop } = await twoMachines({
      profiles: { '*': { queueMs: 600_000, runMs: 500 } },
    });
    await startFirst();
    const { key } = await generations.start(order);
    await untilState(client.workflow.getHandle(key), ({ requestId }) => requestId !== undefined);
    await stop();
    await resetToBeforeTheSubmit(client, key);
    const newest = client.workflow.getHandle(key);
    await newest.signal('cancel');
    await startSecond();
    await untilState(newest, ({ cancel }) => cancel?.outcome !== undefined);
    expect(await stateOf(newest)).toMatchObject({ submission: 'accepted', cancel: { outcome: 'cancelled' } });
    expect(simulator.ledger().jobs).toMatchObject([{ state: 'cancelled' }]);
  });

  it('sends no second order while the first is being answered, and goes on with its id', async () => {
    const { client, simulator, generations, startFirst } = await twoMachines();
    const { answered, release, runcomfy } = holdReplies(simulator.modelApiBase);
    await startFirst(runcomfy);
    const { key } = await generations.start(order);
    await answered;
    await resetToBeforeTheSubmit(client, key);
    const newest = client.workflow.getHandle(key);
    await untilState(newest, ({ phase }) => phase === 'submission_unknown');
    release();
    const [job] = simulator.ledger().jobs;
    expect(await newest.result()).toMatchObject({ requestId: job?.id });
    expect(simulator.ledger().totals.submits).toBe(1);
  });

  it('is not said to be never submitted where a cancel came while the first order was being answered', async () => {
    const { client, simulator, generations, startFirst } = await twoMachines({
      profiles: { '*': { queueMs: 600_000, runMs: 500 } },
    });
    const { answered, release, runcomfy } = holdReplies(simulator.modelApiBase);
    await startFirst(runcomfy);
    const { key } = await generations.start(order);
    await answered;
    await client.workflow.getHandle(key).signal('cancel');
    // The new run is sent the cancel once more, before anything else.
    await resetToBeforeTheSubmit(client, key);
    const newest = client.workflow.getHandle(key);
    await untilState(newest, ({ cancel }) => cancel?.outcome !== undefined);
    expect(await stateOf(newest)).toMatchObject({ submission: 'unknown', cancel: { outcome: 'unknown' } });
    release();
    await untilState(newest, ({ phase }) => phase === 'cancelled');
    expect(await stateOf(newest)).toMatchObject({ submission: 'accepted', cancel: { outcome: 'cancelled' } });
    expect(simulator.ledger().jobs).toMatchObject([{ state: 'cancelled' }]);
  });

  it('is unknown where the run before it was, until somebody decides', async () => {
    const { client, simulator, generations, startFirst, startSecond, stop } = await twoMachines({
      faults: [{ fault: 'accept-then-reset', step: 'submit', times: 1 }],
    });
    await startFirst();
    const { key } = await generations.start(order);
    await untilState(client.workflow.getHandle(key), ({ phase }) => phase === 'submission_unknown');
    await stop();
    await resetToBeforeTheSubmit(client, key);
    await startSecond();
    const newest = client.workflow.getHandle(key);
    await untilState(newest, ({ phase }) => phase === 'submission_unknown');
    expect(simulator.ledger().totals.submits).toBe(1);
    await newest.executeUpdate('resolveSubmission', { args: [{ action: 'resubmit' }] });
    await newest.result();
    expect(simulator.ledger().totals.submits).toBe(2);
  });

  it('finds what a run between had accepted, when an older one is reset once more', async () => {
    const { client, simulator, generations, startFirst, startSecond, stop } = await twoMachines({
      switches: { wallet_usd: 0 },
    });
    await startFirst();
    const { key, runId, result } = await generations.start(order);
    await expect(result()).rejects.toMatchObject({ type: 'InsufficientBalance' });
    simulator.setBalance('sim-in-process', 100);
    await resetToBeforeTheSubmit(client, key);
    const { requestId } = (await client.workflow.result(key)) as { requestId: string };
    await stop();
    await resetToBeforeTheSubmit(client, key, runId);
    await startSecond();
    expect(await client.workflow.result(key)).toMatchObject({ requestId });
    expect(simulator.ledger().totals).toMatchObject({ submits: 2, accepted: 1 });
  });
});

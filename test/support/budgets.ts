import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { inject } from 'vitest';
import { createGenerationClient, type GenerationClient } from '../../client/index.ts';
import type {
  BudgetRequest,
  BudgetState,
  ReserveMessage,
  ReserveReply,
  SettleMessage,
} from '../../domain/budget/budget.ts';
import { budgetId, budgetWorkflowType } from '../../domain/budget/names.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import type { Simulator, SimulatorOptions } from '../../simulator/index.ts';
import { connectClient, startQuickSimulator } from './generation-stack.ts';
import { historiesOf } from './generations.ts';
import { inProcessWorkers } from './in-process-workers.ts';
import type { ProcessSettings } from './processes.ts';
import { quietRuntime } from './quiet-runtime.ts';
import { kling, klingInput } from './simulator-client.ts';
import { onTestFinished } from './test-end.ts';
import { untilAnswered } from './until-answered.ts';

/** A budget created by a test the way any Temporal client would. */
export interface TestBudget {
  name: string;
  state: () => Promise<BudgetState>;
  update: <Reply>(update: string, message: unknown) => Promise<Reply>;
  settle: (message: unknown) => Promise<void>;
}

/** A Temporal client, a simulator and in-process workers, the first of which is running. */
export interface BudgetStack {
  client: Client;
  simulator: Simulator;
  generations: GenerationClient;
  workers: Awaited<ReturnType<typeof inProcessWorkers>>;
  /** Starts a budget, by default on the queue of the workers. */
  budget: (request: BudgetRequest, taskQueue?: string) => Promise<TestBudget>;
  /** Settings with which a worker process becomes one of these workers. */
  settings: ProcessSettings;
}

/** Starts everything that an order under a budget needs. */
export async function budgetStack(options: { simulator?: SimulatorOptions } = {}): Promise<BudgetStack> {
  quietRuntime();
  const [client, simulator] = await Promise.all([connectClient(), startQuickSimulator(options.simulator)]);
  const workers = await inProcessWorkers(client, simulator.modelApiBase);
  await workers.start();
  const { taskQueue } = workers;
  return {
    client,
    simulator,
    workers,
    generations: createGenerationClient({ client, taskQueue }),
    budget: (request, queue = taskQueue) => startBudget(client, queue, request),
    settings: {
      temporalAddress: inject('temporalAddress'),
      modelApiBase: simulator.modelApiBase,
      serverlessApiBase: simulator.serverlessApiBase,
      taskQueue,
      token: 'sim-in-process',
    },
  };
}

async function startBudget(client: Client, taskQueue: string, request: BudgetRequest): Promise<TestBudget> {
  const name = `budget-${randomUUID()}`;
  const handle = await client.workflow.start(budgetWorkflowType, {
    workflowId: budgetId(name),
    taskQueue,
    args: [request],
  });
  onTestFinished(() => handle.terminate('test over').catch(() => undefined));
  const newest = client.workflow.getHandle(budgetId(name));
  return {
    name,
    state: () => untilAnswered(() => newest.query<BudgetState>('state')),
    update: <Reply>(update: string, message: unknown) =>
      newest.executeUpdate<Reply, [unknown]>(update, { args: [message] }),
    settle: (message) => newest.signal('settle', message),
  };
}

/** How often a budget was asked to reserve. An order that gets no verdict in time asks again. */
export async function countReserves(client: Client, name: string): Promise<number> {
  const events = (await historiesOf(client, budgetId(name))).flatMap((history) => history.events ?? []);
  return events.filter(
    (event) => event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name === 'reserve',
  ).length;
}

/** An order for a clip of ten seconds, at $1.26. */
export function clip(budgets: string[], more: Partial<GenerationRequest> = {}) {
  return { model: kling, input: { ...klingInput, duration: 10 }, budgets, ...more } as const;
}

/**
 * What was spent and reserved after each event of a budget's histories, in micro-dollars. Computed from its messages,
 * independently of the budget's code.
 */
export async function accountsOf(client: Client, name: string): Promise<{ spent: number; reserved: number }[]> {
  const events = (await historiesOf(client, budgetId(name))).flatMap((history) => history.events ?? []);
  const prices = new Map<string, number>();
  const asked = new Map<string, ReserveMessage['requests']>();
  let spent = 0;
  return events.map((event) => {
    const accepted = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest;
    const completed = event.workflowExecutionUpdateCompletedEventAttributes;
    const signaled = event.workflowExecutionSignaledEventAttributes;
    if (accepted?.input?.name === 'reserve') {
      asked.set(accepted.meta?.updateId ?? '', (read(accepted.input.args) as ReserveMessage).requests);
    }
    const requests = asked.get(completed?.meta?.updateId ?? '') ?? [];
    if (completed && requests.length > 0) {
      const { verdicts } = read(completed.outcome?.success) as ReserveReply;
      for (const [index, { key, granted }] of verdicts.entries()) {
        if (granted) prices.set(key, Math.round((requests[index]?.priceUsd ?? 0) * 1e6));
      }
    }
    const settlements = signaled?.signalName === 'settle' ? (read(signaled.input) as SettleMessage).settlements : [];
    for (const { key, outcome, costUsd } of settlements) {
      const price = prices.get(key);
      if (price === undefined || outcome === 'unknown') continue;
      prices.delete(key);
      if (outcome === 'succeeded' || outcome === 'failed')
        spent += Math.min(price, Math.round((costUsd ?? price / 1e6) * 1e6));
    }
    return { spent, reserved: [...prices.values()].reduce((sum, price) => sum + price, 0) };
  });
}

/**
 * How often a budget found no room for an order, according to its histories. An order that lost the answer asks again.
 */
export async function refusalsOf(client: Client, name: string): Promise<number> {
  const events = (await historiesOf(client, budgetId(name))).flatMap((history) => history.events ?? []);
  const verdicts = events.flatMap(({ workflowExecutionUpdateCompletedEventAttributes: completed }) => {
    const success = completed?.outcome?.success;
    const reply = success?.payloads?.length ? (read(success) as Partial<ReserveReply>) : {};
    return reply.verdicts ?? [];
  });
  return verdicts.filter(({ granted }) => !granted).length;
}

function read(payloads: { payloads?: Payload[] | null } | null | undefined): unknown {
  const [payload] = payloads?.payloads ?? [];
  if (!payload) throw new Error('the message has no payload');
  return defaultPayloadConverter.fromPayload(payload);
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from 'undici';
import { describeGeneration } from '../../../client/operator/index.ts';
import { cpuSecondsOf } from '../batch/processes.ts';
import { quantile } from '../figures/statistics.ts';
import type { Stack } from '../stack/stack.ts';
import { fetchText, inLanes, paced } from './drive.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import type { GatewayProcess } from './gateway-process.ts';

const connections = 50;
const pollEveryMs = 2_000;

/** A gateway and what is needed to call it. */
export interface Subject {
  stack: Stack;
  gateway: GatewayProcess;
  dispatcher: Agent;
}

/** Measures reads of a generation that has ended. */
export async function endedReads({ stack, gateway, dispatcher }: Subject, key: string): Promise<GatewayFigure[]> {
  const status = () => fetchText(dispatcher, `${gateway.url}/v1/requests/${key}/status`);
  await inLanes(2_000, connections, status);
  const takenMs = await paced(2_000, 200, status);
  const directMs = await paced(400, 40, () => describeGeneration(stack.client, key));
  const before = cpuSecondsOf(gateway.pid);
  const count = 15_000;
  await inLanes(count, connections, status);
  const perCore = count / (cpuSecondsOf(gateway.pid) - before);
  const cpuBefore = cpuSecondsOf(stack.server.pid);
  await inLanes(1_000, connections, () => describeGeneration(stack.client, key));
  const direct = 1_000 / (cpuSecondsOf(stack.server.pid) - cpuBefore);
  return [
    figureOf('status of an ended generation, p95', 'ms', quantile(takenMs, 0.95), {
      direct: quantile(directMs, 0.95),
      atMost: 3,
    }),
    figureOf('status of an ended generation, a core', '/s', perCore, { direct, atLeast: 3_000 }),
  ];
}

/** How many generations may be queried for their place in RunComfy's queue before lists cover all of them. */
const mayBeQueried = 50;

/** Measures reads of running generations, spread over all of them. Gateway and client make every second call each. */
export async function openReads({ stack, gateway, dispatcher }: Subject, keys: string[]): Promise<GatewayFigure[]> {
  const keyAt = (at: number) => keys[Math.floor(at / 2) % keys.length] ?? '';
  const read = (at: number) =>
    at % 2 === 0
      ? fetchText(dispatcher, `${gateway.url}/v1/requests/${keyAt(at)}/status`)
      : describeGeneration(stack.client, keyAt(at));
  // At first, each is queried by itself.
  await paced(keys.length * 2, 100, read);
  await sleep(pollEveryMs / 2);
  const queries = await gateway.temporalCalls('QueryWorkflow');
  const takenMs = await paced(4_000, 200, read);
  const asked = (await gateway.temporalCalls('QueryWorkflow')) - queries;
  const ofGateway = takenMs.filter((_, at) => at % 2 === 0);
  const ofClient = takenMs.filter((_, at) => at % 2 === 1);
  const quantiles = (share: number) => ({ gateway: quantile(ofGateway, share), direct: quantile(ofClient, share) });
  const [p50, p95] = [quantiles(0.5), quantiles(0.95)];
  const of = `status, ${String(keys.length)} that run`;
  return [
    figureOf(`${of}, p50`, 'ms', p50.gateway, { direct: p50.direct, atMost: p50.direct * 1.3 }),
    figureOf(`${of}, p95`, 'ms', p95.gateway, { direct: p95.direct, atMost: p95.direct * 2 }),
    figureOf(`${of}, queries for ${String(ofGateway.length)} reads`, '', asked, { atMost: mayBeQueried }),
  ];
}

/** Measures many clients that poll as RunComfy's do, while some of the generations are ended. */
export async function manyPolls(
  { stack, gateway, dispatcher }: Subject,
  keys: string[],
  forMs: number,
): Promise<GatewayFigure[]> {
  const idle = await during(stack, gateway, forMs / 2, () => sleep(forMs / 2));
  const endedAt = new Map<string, number>();
  const oldMs: number[] = [];
  const until = performance.now() + forMs;
  const poll = async (key: string) => {
    await sleep(Math.random() * pollEveryMs);
    for (let isOver = false; !isOver && performance.now() < until + 3 * pollEveryMs;) {
      const text = await fetchText(dispatcher, `${gateway.url}/v1/requests/${key}/status`);
      isOver = text.includes('"completed"') || text.includes('"cancelled"');
      const end = endedAt.get(key);
      if (!isOver && end !== undefined) oldMs.push(performance.now() - end);
      if (!isOver && performance.now() < until) await sleep(pollEveryMs);
      else if (!endedAt.has(key)) return;
    }
  };
  const end = async () => {
    for (const key of keys.filter((_, at) => at % 10 === 0)) {
      await stack.client.workflow.getHandle(key).terminate('measured');
      endedAt.set(key, performance.now());
      await sleep(forMs / keys.length);
    }
  };
  const warm = Promise.all(keys.map((key) => fetchText(dispatcher, `${gateway.url}/v1/requests/${key}/status`)));
  await warm;
  const polled = await during(stack, gateway, forMs, () =>
    Promise.all([...keys.map(poll), sleep(forMs / 4).then(end)]),
  );
  const of = `${String(keys.length)} that run, polled every 2 s`;
  return [
    figureOf(`${of}: calls of Temporal`, '/s', polled.calls, { direct: keys.length / 2, atMost: 50 }),
    figureOf(`${of}: age of the oldest state`, 's', Math.max(0, ...oldMs) / 1_000, { atMost: 5 }),
    figureOf(`${of}: gateway`, 'cores', polled.gateway, { atMost: 0.5 }),
    figureOf(`${of}: Temporal, beyond what it takes unpolled`, 'cores', polled.server - idle.server, { atMost: 0.5 }),
  ];
}

/** Measures many clients that poll generations which still wait to be submitted; no record says more about those. */
export async function pollsOfWaiting(
  { stack, gateway, dispatcher }: Subject,
  keys: string[],
  forMs: number,
): Promise<GatewayFigure[]> {
  const status = (key: string) => fetchText(dispatcher, `${gateway.url}/v1/requests/${key}/status`);
  // At first, each is queried by itself.
  await Promise.all(keys.map(status));
  const queries = await gateway.temporalCalls('QueryWorkflow');
  const until = performance.now() + forMs;
  const poll = async (key: string) => {
    await sleep(Math.random() * pollEveryMs);
    while (performance.now() < until) {
      await status(key);
      await sleep(pollEveryMs);
    }
  };
  const polled = await during(stack, gateway, forMs, () => Promise.all(keys.map(poll)));
  const asked = ((await gateway.temporalCalls('QueryWorkflow')) - queries) / (forMs / 1_000);
  const of = `${String(keys.length)} that wait for their submit, polled every 2 s`;
  return [
    figureOf(`${of}: calls of Temporal`, '/s', polled.calls, { direct: keys.length / 2, atMost: 50 }),
    figureOf(`${of}: queries among them`, '/s', asked, { direct: keys.length / 2, atMost: 10 }),
  ];
}

async function during(stack: Stack, gateway: GatewayProcess, forMs: number, work: () => Promise<unknown>) {
  const read = async () => ({
    at: performance.now(),
    calls: await gateway.temporalCalls(),
    gateway: cpuSecondsOf(gateway.pid),
    server: cpuSecondsOf(stack.server.pid),
  });
  const before = await read();
  await work();
  const after = await read();
  const seconds = Math.max(after.at - before.at, forMs) / 1_000;
  const rate = (name: 'calls' | 'gateway' | 'server') => (after[name] - before[name]) / seconds;
  return { calls: rate('calls'), gateway: rate('gateway'), server: rate('server') };
}

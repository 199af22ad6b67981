import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { quantile } from '../figures/statistics.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import type { GatewayProcess } from './gateway-process.ts';

const settledMs = 5_000;
const fewShare = 0.4;

/** What one listener has seen. */
interface Listener {
  key: string;
  ends: number;
  endAt: number;
}

/** Running generations, with listeners of each on two gateways. All of them end after one gateway was killed. */
export interface ListenersSetting {
  client: Client;
  gateways: [GatewayProcess, GatewayProcess];
  keys: string[];
  count: number;
  /** Lets all generations end. */
  release: () => Promise<void>;
}

/**
 * Each listener reconnects with the last id it knows, as an `EventSource` does, until it is told that nothing more will
 * come.
 */
export async function listeners(setting: ListenersSetting): Promise<GatewayFigure[]> {
  const { client, gateways, keys, count, release } = setting;
  const [stays, dies] = gateways;
  let few = { each: 0, megabytes: [0, 0] };
  const all: Listener[] = [];
  const over: Promise<void>[] = [];
  const started = { n: 0 };
  for (let at = 0; at < count; at += 1) {
    const listener: Listener = { key: keys[at % keys.length] ?? '', ends: 0, endAt: 0 };
    all.push(listener);
    const first = gateways[Math.floor(at / keys.length) % 2] ?? stays;
    over.push(listen(listener, first.url, stays.url, () => (started.n += 1)));
    if (at % 50 === 49) await sleep(20);
    if (at + 1 !== Math.round(fewShare * count)) continue;
    // All code has run by then, so the memory that further listeners add is their own.
    while (started.n <= at) await sleep(50);
    await sleep(settledMs);
    few = { each: (at + 1) / 2, megabytes: gateways.map((gateway) => gateway.megabytes()) };
  }
  while (started.n < count) await sleep(50);
  await sleep(settledMs);
  const kilobytes = gateways.map(
    (gateway, at) => ((gateway.megabytes() - (few.megabytes[at] ?? 0)) * 1024) / (count / 2 - few.each),
  );
  const polls = await stays.temporalCalls('GetWorkflowExecutionHistory');
  await dies.kill9();
  while (started.n < count * 1.5) await sleep(50);
  const watches = (await stays.temporalCalls('GetWorkflowExecutionHistory')) - polls;
  await release();
  await Promise.all(over);
  const closedAt = new Map<string, number>();
  for (const key of keys) {
    const { closeTime } = await client.workflow.getHandle(key).describe();
    closedAt.set(key, closeTime?.getTime() ?? NaN);
  }
  const lateMs = all.map(({ key, endAt }) => endAt - (closedAt.get(key) ?? NaN));
  const of = `${String(count)} listeners on ${String(keys.length)} that run, one of two gateways killed`;
  return [
    figureOf(`${of}: that saw the end once`, '', all.filter(({ ends }) => ends === 1).length, {
      atMost: count,
      atLeast: count,
    }),
    figureOf(`${of}: end seen after it closed, p95`, 's', quantile(lateMs, 0.95) / 1_000, { atMost: 1.5 }),
    figureOf(`${of}: memory a listener`, 'KB', Math.max(...kilobytes), { atMost: 60 }),
    figureOf(`${of}: long polls of Temporal begun as those of the other came`, '', watches, { atMost: keys.length }),
  ];
}

async function listen(listener: Listener, first: string, next: string, onOpen: () => void): Promise<void> {
  let url = first;
  let lastId: string | undefined;
  for (;;) {
    const isOver = await new Promise<boolean>((resolve) => {
      const sent = request(`${url}/api/v1/generations/${listener.key}/events`, {
        agent: false,
        headers: { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
      });
      sent.on('error', () => {
        resolve(false);
      });
      sent.on('response', (response) => {
        if (response.statusCode === 204) resolve(true);
        let text = '';
        response.once('data', onOpen);
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const events = text.split('\n\n');
          text = events.pop() ?? '';
          for (const event of events) {
            lastId = /^id: (.*)$/m.exec(event)?.[1] ?? lastId;
            if (!/^event: end$/m.test(event)) continue;
            listener.ends += 1;
            listener.endAt = Date.now();
          }
        });
        response
          .on('error', () => undefined)
          .on('close', () => {
            resolve(false);
          });
      });
      sent.end();
    });
    if (isOver) return;
    url = next;
    await sleep(listener.ends > 0 ? 0 : Math.random() * 2_000);
  }
}

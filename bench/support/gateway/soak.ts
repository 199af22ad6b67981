import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { quantile } from '../figures/statistics.ts';
import { say, type Stack } from '../stack/stack.ts';
import { fetchText, paced } from './drive.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import { withBench } from './measure.ts';
import { model } from './orders.ts';

const ordersPerSecond = 2;
const pollsAnOrder = 10;
const pollEveryMs = 500;
const parts = 20;
const sampleEveryMs = 5_000;
/** Parts of the traffic to compare, each as first and last part. Before `warm`, caches fill and code is compiled. */
const warm = [4, 7] as const;
const last = [16, 19] as const;

/** Runs traffic for some minutes: orders that are polled to their end and read, and reads of unknown ids. */
export function soak(stack: Stack, minutes: number): Promise<GatewayFigure[]> {
  return withBench(stack, async ({ startGateway }) => {
    const gateway = await startGateway();
    const dispatcher = new Agent({ connections: 50 });
    const client = async (at: number) => {
      const key = `soak-${String(at)}`;
      await fetchText(dispatcher, `${gateway.url}/v1/models/${model}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ prompt: key }),
      });
      for (let poll = 0; poll < pollsAnOrder; poll += 1) {
        await fetchText(dispatcher, `${gateway.url}/v1/requests/${key}/status`);
        await sleep(pollEveryMs);
      }
      await fetchText(dispatcher, `${gateway.url}/v1/requests/${key}/result`);
      await fetchText(dispatcher, `${gateway.url}/api/v1/generations/${key}`);
      await fetchText(dispatcher, `${gateway.url}/v1/requests/none-${key}/status`).catch(() => undefined);
    };
    const partSeconds = (minutes * 60) / parts;
    const count = Math.max(1, Math.round(partSeconds * ordersPerSecond));
    const megabytes: number[][] = [];
    const sampler = setInterval(() => megabytes.at(-1)?.push(gateway.megabytes()), sampleEveryMs);
    try {
      for (let part = 0; part < parts; part += 1) {
        megabytes.push([gateway.megabytes()]);
        await paced(count, ordersPerSecond, (at) => client(part * count + at));
        const held = quantile(megabytes[part] ?? [], 0.5);
        say(`${String(Math.round((part + 1) * partSeconds))} s: ${held.toFixed(0)} MB`);
      }
    } finally {
      clearInterval(sampler);
    }
    await dispatcher.close();
    // Memory varies by a tenth between garbage collections; the median of many samples shows what stays.
    const medianOf = ([from, to]: readonly [number, number]) => quantile(megabytes.slice(from, to + 1).flat(), 0.5);
    const after = medianOf(last);
    const minuteOf = (part: number) => String(Math.round((part * minutes * 10) / parts) / 10);
    const since = `since minutes ${minuteOf(warm[0])} to ${minuteOf(warm[1] + 1)}`;
    const name = `growth of its memory in ${String(minutes)} minutes of traffic, ${since}`;
    const growth = (after / medianOf(warm) - 1) * 100;
    return [figureOf(name, '%', growth, { atMost: 5 }), figureOf('memory after it', 'MB', after, { atMost: 150 })];
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { say, type Stack } from '../stack/stack.ts';
import { fetchText, paced } from './drive.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import { withBench } from './measure.ts';
import { model } from './orders.ts';

const ordersPerSecond = 2;
const pollsAnOrder = 10;
const pollEveryMs = 500;
/** Caches are full and code is compiled by then. */
const warmShare = 0.2;
const samples = 20;

/** Traffic for so many minutes: orders, each polled to its end and read, and what is not there. */
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
    const megabytes: number[] = [];
    const partSeconds = (minutes * 60) / samples;
    const count = Math.max(1, Math.round(partSeconds * ordersPerSecond));
    for (let part = 0; part < samples; part += 1) {
      await paced(count, ordersPerSecond, (at) => client(part * count + at));
      megabytes.push(gateway.megabytes());
      say(`${String(Math.round((part + 1) * partSeconds))} s: ${gateway.megabytes().toFixed(0)} MB`);
    }
    await dispatcher.close();
    const warm = megabytes[Math.floor(samples * warmShare)] ?? NaN;
    const last = megabytes.at(-1) ?? NaN;
    const name = `growth of its memory in ${String(minutes)} minutes of traffic`;
    return [figureOf(name, '%', (last / warm - 1) * 100, { atMost: 5 }), figureOf('memory after it', 'MB', last, {})];
  });
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGenerationClient } from '../../../client/index.ts';
import { quantile } from '../figures/statistics.ts';
import { fetchText, inLanes } from './drive.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import type { Subject } from './reads.ts';

/** A model that makes images, of text alone. */
export const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';

const lanes = 20;
const settledMs = 5_000;

/** Orders by the gateway and by the client: in turns, one at a time, and then each as many at once as it takes. */
export async function orders(
  { stack, gateway, dispatcher }: Subject,
  taskQueue: string,
): Promise<{ rows: GatewayFigure[]; keys: string[] }> {
  const generations = createGenerationClient({ client: stack.client, taskQueue });
  const keys: string[] = [];
  const newKey = () => {
    const key = `order-${randomUUID()}`;
    keys.push(key);
    return key;
  };
  const byGateway = () => {
    const key = newKey();
    return fetchText(dispatcher, `${gateway.url}/v1/models/${model}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ prompt: key }),
    });
  };
  const byClient = () => {
    const key = newKey();
    return generations.start({ model, input: { prompt: key } }, { key });
  };
  // A gateway runs for long: its code is compiled by then. What was ordered is over before anything is measured.
  await inLanes(2_000, 4, (at) => (at % 2 === 0 ? byGateway() : byClient()));
  await sleep(settledMs);
  const tookMs = await inLanes(200, 1, (at) => (at % 2 === 0 ? byGateway() : byClient()));
  const p50 = { gateway: quantile(everySecond(tookMs, 0), 0.5), direct: quantile(everySecond(tookMs, 1), 0.5) };
  const perSecond = async (order: () => Promise<unknown>) => {
    const from = performance.now();
    await inLanes(200, lanes, order);
    return 200 / ((performance.now() - from) / 1_000);
  };
  // What was ordered before is over before either begins, and each is first as often as second.
  const rates = { gateway: 0, direct: 0 };
  for (const who of ['direct', 'gateway', 'gateway', 'direct'] as const) {
    await sleep(settledMs);
    rates[who] += (await perSecond(who === 'direct' ? byClient : byGateway)) / 2;
  }
  const rows = [
    figureOf('order, p50', 'ms', p50.gateway, { direct: p50.direct, atMost: p50.direct + 5 }),
    figureOf('orders', '/s', rates.gateway, { direct: rates.direct, atLeast: rates.direct * 0.9 }),
  ];
  return { rows, keys };
}

function everySecond(values: number[], first: number): number[] {
  return values.filter((_, at) => at % 2 === first);
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGenerationClient } from '../../../client/index.ts';
import { quantile } from '../figures/statistics.ts';
import { fetchText, inLanes } from './drive.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import type { Subject } from './reads.ts';

/** A model that makes images from text only. */
export const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';

type Who = 'gateway' | 'direct';

const lanes = 20;
const atOnce = 200;
/** Each way goes first as often as second. */
const turns: readonly Who[] = ['direct', 'gateway', 'gateway', 'direct'];
const settledMs = 5_000;

/**
 * Measures orders through the gateway and through the client in three ways: the latency of single orders, in
 * alternation; the rate at which bursts are accepted, which keep the worker busy long after; and the rate at which
 * bursts are carried out, until the last order has ended.
 */
export async function orders(
  { stack, gateway, dispatcher }: Subject,
  { taskQueue, untilEnded }: { taskQueue: string; untilEnded: (keys: readonly string[]) => Promise<void> },
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
  // A gateway runs for a long time, so its code is compiled before the measurement; these orders are over by then.
  await inLanes(2_000, 4, (at) => (at % 2 === 0 ? byGateway() : byClient()));
  await sleep(settledMs);
  const tookMs = await inLanes(200, 1, (at) => (at % 2 === 0 ? byGateway() : byClient()));
  const p50 = { gateway: quantile(everySecond(tookMs, 0), 0.5), direct: quantile(everySecond(tookMs, 1), 0.5) };
  const perSecond = async (who: Who, isCarriedOut: boolean) => {
    // Earlier orders are over before the next burst begins.
    await sleep(settledMs);
    const from = performance.now();
    await inLanes(atOnce, lanes, who === 'direct' ? byClient : byGateway);
    if (isCarriedOut) await untilEnded(keys.slice(-atOnce));
    return atOnce / ((performance.now() - from) / 1_000);
  };
  const rates = { taken: { gateway: 0, direct: 0 }, carriedOut: { gateway: 0, direct: 0 } };
  for (const who of turns) rates.taken[who] += (await perSecond(who, false)) / 2;
  for (const who of turns) rates.carriedOut[who] += (await perSecond(who, true)) / 2;
  const { taken, carriedOut } = rates;
  const rows = [
    figureOf('order, p50', 'ms', p50.gateway, { direct: p50.direct, atMost: p50.direct + 5 }),
    figureOf(`orders, ${String(atOnce)} at once: taken`, '/s', taken.gateway, {
      direct: taken.direct,
      atLeast: taken.direct * 0.9,
    }),
    figureOf(`orders, ${String(atOnce)} at once: carried out`, '/s', carriedOut.gateway, {
      direct: carriedOut.direct,
      atLeast: carriedOut.direct * 0.9,
    }),
  ];
  return { rows, keys };
}

function everySecond(values: number[], first: number): number[] {
  return values.filter((_, at) => at % 2 === first);
}

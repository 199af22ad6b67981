import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject } from '../../../domain/json.ts';
import { order } from './protocols.ts';

async function call(url: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    headers: { authorization: 'Bearer sim-bench', 'content-type': 'application/json' },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`HTTP ${String(response.status)} from ${url}`);
  const reply: unknown = await response.json();
  if (!isJsonObject(reply)) throw new Error(`no object from ${url}`);
  return reply;
}

/** RunComfy's API by plain `fetch`. */
export const callSimulator = {
  submit: async (base: string) => String((await call(`${base}/models/${order.model}`, order.input))['request_id']),
  status: async (base: string, requestId: string) =>
    String((await call(`${base}/requests/${requestId}/status`))['status']),
  result: async (base: string, requestId: string) => await call(`${base}/requests/${requestId}/result`),
};

/** Orders once and reads the status at a fixed interval until the end. */
export async function pollEvery(intervalMs: number, base: string): Promise<void> {
  const requestId = await callSimulator.submit(base);
  for (;;) {
    const word = await callSimulator.status(base, requestId);
    if (word === 'completed' || word === 'succeeded') break;
    await sleep(intervalMs);
  }
  await callSimulator.result(base, requestId);
}

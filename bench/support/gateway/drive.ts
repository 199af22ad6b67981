import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, request } from 'undici';

const pauseMs = 1_000;

/** Reads a body to its end, as text. Retries on 503, as the clients do; rejects for any other status except 2xx. */
export async function fetchText(
  dispatcher: Agent,
  url: string,
  init: Parameters<typeof request>[1] = {},
): Promise<string> {
  for (;;) {
    const { statusCode, body } = await request(url, { ...init, dispatcher });
    const text = await body.text();
    if (statusCode < 300) return text;
    if (statusCode !== 503) throw new Error(`${url}: ${String(statusCode)} ${text}`);
    await sleep(pauseMs);
  }
}

/**
 * The duration of each call in milliseconds. Calls start at a constant rate, whether or not earlier ones are answered.
 */
export async function paced(
  count: number,
  perSecond: number,
  call: (at: number) => Promise<unknown>,
): Promise<number[]> {
  const from = performance.now();
  return await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const dueAt = from + (at * 1_000) / perSecond;
      await sleep(Math.max(dueAt - performance.now(), 0));
      const askedAt = performance.now();
      await call(at);
      return performance.now() - askedAt;
    }),
  );
}

/** The duration of each call in milliseconds, in this many lanes without pauses. */
export async function inLanes(count: number, lanes: number, call: (at: number) => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const at = next++;
      const askedAt = performance.now();
      await call(at);
      tookMs.push(performance.now() - askedAt);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return tookMs;
}

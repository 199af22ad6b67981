import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, request } from 'undici';

const pauseMs = 1_000;

/** A body that was read to its end, as text; 503 is repeated, as its clients do, anything else but 2xx rejects. */
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

/** How long each of some calls takes, milliseconds, where they come evenly, whether or not those before are answered. */
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

/** How long each of some calls takes, milliseconds, in so many lanes that never rest. */
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

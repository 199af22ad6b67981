import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { describeGeneration } from '../../../client/operator/index.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import type { Subject } from './reads.ts';

const pollEveryMs = 2_000;
const watchedCount = 10;
const lookEveryMs = 200;
const before = 'submitting';

/**
 * Measures how stale the phases are that a gateway reports while waiting generations are submitted one by one and all
 * of them are polled.
 */
export async function agesOfPhases(
  { stack, gateway, dispatcher }: Subject,
  keys: string[],
  submit: () => Promise<unknown>,
): Promise<GatewayFigure[]> {
  const every = Math.max(1, Math.floor(keys.length / watchedCount));
  const watched = new Set(keys.filter((_, at) => at % every === 0));
  /** According to Temporal itself. */
  const changedAt = new Map<string, number>();
  const told = new Set<string>();
  const oldMs: number[] = [];
  const poll = async (key: string) => {
    await sleep(Math.random() * pollEveryMs);
    while (told.size < watched.size) {
      const { headers, body } = await request(`${gateway.url}/v1/requests/${key}/status`, { dispatcher });
      await body.dump();
      const at = changedAt.get(key);
      const isOld = headers['runcomfy-temporal-phase'] === before;
      if (isOld && at !== undefined) oldMs.push(performance.now() - at);
      if (!isOld && watched.has(key)) told.add(key);
      await sleep(pollEveryMs);
    }
  };
  const watch = async (key: string) => {
    while ((await describeGeneration(stack.client, key)).phase === before) await sleep(lookEveryMs);
    changedAt.set(key, performance.now());
  };
  const polled = Promise.all(keys.map(poll));
  await sleep(2 * pollEveryMs);
  await Promise.all([submit(), ...[...watched].map(watch), polled]);
  const of = `${String(keys.length)} that are submitted, polled every 2 s`;
  return [figureOf(`${of}: age of the oldest phase`, 's', Math.max(0, ...oldMs) / 1_000, { atMost: 5 })];
}

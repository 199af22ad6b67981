import type { GenerationResult } from '../../domain/generation.ts';
import type { DecidingParts, KeyStanding } from './parts.ts';

/** The key under which to make an order, or what is known of the order already. */
export type SettledKey =
  | { kind: 'order'; key: string; retryOfRunId?: string; reason: string; tries?: number }
  | { kind: 'attach'; key: string; reason: string; tries?: number }
  | { kind: 'reuse'; key: string; result: GenerationResult }
  | { kind: 'foreign'; message: string };

interface Known {
  key: string;
  standing: Exclude<KeyStanding, { kind: 'unknown' | 'foreign' }>;
}

/** More failed orders with equal content than anybody has made. */
const maxTries = 100;
/**
 * At least this many keys are looked at. Temporal removes the oldest run first, so a key that is not known any more may
 * be followed by one that succeeded.
 */
const lookedAtAnyway = 2;

/**
 * Looks at a key and at the keys of further attempts, `~2`, `~3`, …. The newest one that succeeded and whose files are
 * still available is reused; else one that is running is followed. Otherwise the newest one decides: if it provably
 * cost nothing, it is ordered anew. If it failed and may have been billed, it is ordered again under a further key, but
 * only with `orderAgain`, and only if it was not started after `since`: such an order was already the repetition, made
 * by the same pipeline before it was reset. `tries` counts the failed attempts before it that this run continues.
 */
export async function settleKey(
  { generations, isGone }: Pick<DecidingParts, 'generations' | 'isGone'>,
  base: string,
  { usedKeys = [], orderAgain = false, since }: { usedKeys?: readonly string[]; orderAgain?: boolean; since?: Date },
): Promise<SettledKey> {
  let known: Known[] = [];
  let free: string | undefined;
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const key = attempt === 1 ? base : `${base}~${String(attempt)}`;
    if (usedKeys.includes(key)) {
      // Keys before an order of this very run have been dealt with.
      [known, free] = [[], undefined];
      continue;
    }
    const standing = await generations.standingOf(key);
    if (standing.kind === 'foreign') return { kind: 'foreign', message: standing.message };
    if (standing.kind !== 'unknown') {
      known.push({ key, standing });
      free = undefined;
      continue;
    }
    free ??= key;
    if (attempt >= lookedAtAnyway) break;
  }
  return (
    (await reusable(known, isGone)) ??
    settleUnmade(known, { orderAgain, since }) ??
    (free === undefined
      ? { kind: 'foreign', message: `${base} was ordered ${String(maxTries)} times already` }
      : { kind: 'order', key: free, reason: whyFree(known) })
  );
}

async function reusable(known: readonly Known[], isGone: DecidingParts['isGone']): Promise<SettledKey | undefined> {
  for (const { key, standing } of [...known].reverse()) {
    if (standing.kind !== 'succeeded') continue;
    const { result } = standing;
    const { images, videos, audios } = result.output;
    const gone = await Promise.all([...images, ...videos, ...audios].map(isGone));
    if (!gone.includes(true)) return { kind: 'reuse', key, result };
  }
  return undefined;
}

/** What to do if nothing can be reused; undefined if a further key is needed. */
function settleUnmade(
  known: readonly Known[],
  { orderAgain, since }: { orderAgain: boolean; since: Date | undefined },
): SettledKey | undefined {
  const running = known.findLastIndex(({ standing }) => standing.kind === 'running');
  const newest = running < 0 ? known.length - 1 : running;
  const { key, standing } = known[newest] ?? {};
  if (key === undefined || standing === undefined || standing.kind === 'succeeded') return undefined;
  const isSettled = (each: Known) =>
    each.standing.kind === 'succeeded' || (orderAgain && !isStartedSince(each.standing, since));
  const before = newest - known.slice(0, newest).findLastIndex(isSettled) - 1;
  const tries = before > 0 ? { tries: before } : {};
  if (standing.kind === 'running') return { kind: 'attach', key, reason: 'it runs already', ...tries };
  if (standing.kind === 'unbilled') {
    return { kind: 'order', key, retryOfRunId: standing.runId, reason: 'the last one cost nothing', ...tries };
  }
  const isDone = !orderAgain || isStartedSince(standing, since);
  return isDone ? { kind: 'attach', key, reason: 'failed before', ...tries } : undefined;
}

function isStartedSince(standing: Known['standing'], since: Date | undefined): boolean {
  const { startedAt } = standing as { startedAt?: Date };
  return since !== undefined && startedAt !== undefined && startedAt >= since;
}

function whyFree(known: readonly Known[]): string {
  const newest = known.at(-1)?.standing.kind;
  if (newest === undefined) return 'new';
  return newest === 'succeeded' ? 'output gone' : 'failed before';
}

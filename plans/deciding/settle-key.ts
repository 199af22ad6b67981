import type { GenerationResult } from '../../domain/generation.ts';
import type { DecidingParts, KeyStanding } from './parts.ts';

/** Under which key an order is made, or what is known of it already. */
export type SettledKey =
  | { kind: 'order'; key: string; retryOfRunId?: string; reason: string }
  | { kind: 'attach'; key: string; reason: string }
  | { kind: 'reuse'; key: string; result: GenerationResult }
  | { kind: 'foreign'; message: string };

/** More failed orders of one content than anybody has made. */
const maxTries = 100;

/**
 * Looks at a key and at those of its further attempts, `~2`, `~3`, …: what succeeded and is still to be had is used again,
 * what runs is followed, what provably cost nothing is ordered anew, and what failed and may have been billed is ordered
 * again, under a further key, only where that is wanted.
 */
export async function settleKey(
  { generations, isGone }: Pick<DecidingParts, 'generations' | 'isGone'>,
  base: string,
  { usedKeys = [], orderAgain = false }: { usedKeys?: readonly string[]; orderAgain?: boolean },
): Promise<SettledKey> {
  let running: string | undefined;
  let failed: string | undefined;
  let free: { key: string; retryOfRunId?: string; reason: string } | undefined;
  let isOutputGone = false;
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const key = attempt === 1 ? base : `${base}~${String(attempt)}`;
    if (usedKeys.includes(key)) continue;
    const standing: KeyStanding = await generations.standingOf(key);
    if (standing.kind === 'foreign') return { kind: 'foreign', message: standing.message };
    if (standing.kind === 'succeeded') {
      if (!(await isAnyGone(standing.result, isGone))) return { kind: 'reuse', key, result: standing.result };
      isOutputGone = true;
    }
    if (standing.kind === 'running') running ??= key;
    if (standing.kind === 'failed') failed = key;
    if (standing.kind === 'unbilled') {
      free = { key, retryOfRunId: standing.runId, reason: 'the last one cost nothing' };
    }
    if (standing.kind === 'unknown') {
      free ??= { key, reason: isOutputGone ? 'output gone' : failed === undefined ? 'new' : 'failed before' };
      break;
    }
  }
  if (running !== undefined) return { kind: 'attach', key: running, reason: 'it runs already' };
  const isNewer = free?.retryOfRunId !== undefined;
  if (failed !== undefined && !isNewer && !orderAgain && usedKeys.length === 0) {
    return { kind: 'attach', key: failed, reason: 'failed before' };
  }
  if (free === undefined) return { kind: 'foreign', message: `${base} was ordered ${String(maxTries)} times already` };
  return { kind: 'order', ...free };
}

async function isAnyGone({ output }: GenerationResult, isGone: DecidingParts['isGone']): Promise<boolean> {
  const urls = [...output.images, ...output.videos, ...output.audios];
  const gone = await Promise.all(urls.map(isGone));
  return gone.includes(true);
}

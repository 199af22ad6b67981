import type { SubmitPacer } from '../../../activities/submitting/submit-pacer.ts';
import type { Random } from '../../../simulator/world/random.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How an account accepts orders. */
export interface Account {
  /** Orders that it accepts in any second. */
  perSecond: number;
  /** Milliseconds one way, varying by a twentieth. */
  latencyMs: number;
  /** Its refusals ask for this pause, and it refuses everything until then. */
  retryAfterMs?: number;
  /** How many of the first orders are refused for another reason. */
  earlyRefusals?: number;
}

/** The times at which orders were posted and accepted. */
export interface Seen {
  posts: number[];
  accepted: number[];
}

const patienceMs = 2_000;
const spread = 0.05;
const longestBackoffMs = 30_000;
/** Temporal's timers may be late by this much. */
const latestMs = 1_000;

/** Sends the orders through one pacer, each repeated as Temporal repeats it, until all are accepted. */
export async function sendAll(
  pacer: SubmitPacer,
  account: Account,
  { orders, clock, random }: { orders: number; clock: VirtualClock; random: Random },
): Promise<Seen> {
  const seen: Seen = { posts: [], accepted: [] };
  let closedUntil = -Infinity;
  const post = () => {
    const now = clock.now();
    seen.posts.push(now);
    if (seen.posts.length <= (account.earlyRefusals ?? 0)) return false;
    const lately = seen.accepted.slice(-Math.ceil(account.perSecond)).filter((time) => time > now - 1_000).length;
    if (now < closedUntil || lately >= account.perSecond) {
      closedUntil = Math.max(closedUntil, now + (account.retryAfterMs ?? 0));
      return false;
    }
    seen.accepted.push(now);
    return true;
  };
  const order = async () => {
    for (let failures = 0; ;) {
      const turn = await pacer.takeTurn({ withinMs: patienceMs });
      if ('inMs' in turn) {
        await clock.sleep(turn.inMs + latestMs * random());
        continue;
      }
      await clock.sleep(account.latencyMs * (1 + spread * (2 * random() - 1)));
      const isAccepted = post();
      await clock.sleep(account.latencyMs);
      if (isAccepted) {
        turn.noteAccepted();
        return;
      }
      turn.noteRefused(account.retryAfterMs);
      const backoffMs = account.retryAfterMs ?? Math.min(longestBackoffMs, 1_000 * 2 ** failures);
      failures += 1;
      await clock.sleep(backoffMs + latestMs * random());
    }
  };
  await clock.runUntil(Promise.all(Array.from({ length: orders }, order)));
  return seen;
}

import { createSubmitPacer } from '../activities/submitting/submit-pacer.ts';
import { createRandom } from '../simulator/world/random.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { mean } from './support/figures/statistics.ts';
import { type Account, type Seen, sendAll } from './support/pace/account.ts';
import { createVirtualClock } from './support/pace/virtual-clock.ts';

// The cost of a batch of orders when nobody knows the account's rate limit in advance. No network; the clock is
// simulated.

const draws = 5;
const seed = 1;
/** The size of the batch: as many orders as the account accepts in this time. */
const batchSeconds = 120;
/**
 * Share of the orders left out at each end: at first the rate is still being sought, and at last hardly any are left.
 */
const shareAtEnds = 0.1;

const limits = [2, 8, 20];
const troubles: Record<string, Omit<Account, 'perSecond'>> = {
  'latency 0': { latencyMs: 0 },
  'latency 100 ms': { latencyMs: 100 },
  'latency 600 ms': { latencyMs: 600 },
  'the first 5 refused': { latencyMs: 100, earlyRefusals: 5 },
  'Retry-After: 2': { latencyMs: 100, retryAfterMs: 2_000 },
  'Retry-After: 300': { latencyMs: 100, retryAfterMs: 300_000 },
};

const rows = [];
for (const perSecond of limits) {
  for (const [trouble, more] of Object.entries(troubles)) {
    const account = { perSecond, ...more };
    const found = [];
    for (let draw = 0; draw < draws; draw += 1) found.push(figuresOf(await batch(account, draw), perSecond));
    rows.push({
      subject: 'runcomfy-temporal',
      jobSet: `${String(perSecond)} orders/s, ${trouble}`,
      postsPerOrder: mean(found.map((one) => one.postsPerOrder)),
      shareOfAllowance: mean(found.map((one) => one.shareOfAllowance)),
      shareFromStart: mean(found.map((one) => one.shareFromStart)),
      busiestReturn: Math.max(...found.map((one) => one.busiestReturn)),
    });
  }
}
process.stdout.write(
  `${formatTable(
    [
      'account',
      'POSTs per order',
      'share of the allowance',
      'first and last orders included',
      'busiest second after a pause',
    ],
    rows.map((row) => [
      row.jobSet,
      ...[row.postsPerOrder, row.shareOfAllowance, row.shareFromStart].map((figure) => figure.toFixed(2)),
      String(row.busiestReturn),
    ]),
  )}\n`,
);
writeResults('pace', {
  name: 'pace',
  commit: describeCommit(),
  machine: describeMachine(),
  versions: versionsOf(),
  settings: { draws, seed, batchSeconds, shareAtEnds },
  rows,
});

async function batch(account: Account, draw: number): Promise<Seen> {
  const clock = createVirtualClock();
  const orders = account.perSecond * batchSeconds;
  return await sendAll(createSubmitPacer(clock), account, { orders, clock, random: createRandom(seed, draw) });
}

function figuresOf({ posts, accepted }: Seen, perSecond: number) {
  const atEnds = Math.ceil(shareAtEnds * accepted.length);
  const steady = accepted.slice(atEnds, -atEnds);
  const pauseEnd = endOfPause(accepted);
  return {
    postsPerOrder: posts.length / accepted.length,
    shareOfAllowance: rateOf(steady) / perSecond,
    shareFromStart: rateOf(accepted) / perSecond,
    busiestReturn: posts.filter((time) => time >= pauseEnd && time < pauseEnd + 1_000).length,
  };
}

function rateOf(times: readonly number[]): number {
  return (times.length - 1) / (((times.at(-1) ?? NaN) - (times[0] ?? NaN)) / 1_000);
}

/** The time at which orders are accepted again after the longest gap. */
function endOfPause(accepted: readonly number[]): number {
  const gaps = accepted.map((time, index) => time - (accepted[index - 1] ?? time));
  return accepted[gaps.indexOf(Math.max(...gaps))] ?? 0;
}

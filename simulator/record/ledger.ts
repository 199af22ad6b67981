import { toUsd } from '../../domain/budget/money.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { JobState } from '../world/job.ts';
import { balanceMicroOf } from '../world/wallets.ts';
import type { World } from '../world/world.ts';
import type { Traffic, TrafficCounts } from './traffic.ts';

/** The outcome of one accepted job; times are in milliseconds since the epoch. */
export interface LedgerJob {
  id: string;
  model: string;
  state: JobState;
  acceptedAt: number;
  startedAt?: number;
  finishedAt?: number;
  /** The first answered read that showed the job's end. */
  firstTerminalReadAt?: number;
  chargedUsd: number;
  chargedMicrodollars: number;
  statusCalls: number;
  resultCalls: number;
  cancelCalls: number;
  /** Headers of the submit. Of the token, only the beginning of its digest is kept. */
  headers: Record<string, string>;
  input: Record<string, unknown>;
}

export interface LedgerTotals extends TrafficCounts {
  accepted: number;
  charged: number;
  chargedUsd: number;
  byState: Record<JobState, number>;
}

/** Who was charged what. The number of charged jobs is the number of jobs that somebody has to pay for. */
export interface Ledger {
  jobs: LedgerJob[];
  totals: LedgerTotals;
  wallets: { token: string; balanceUsd: number; balanceMicrodollars: number }[];
}

/** With `withJobs: false`, the list of jobs is empty. */
export function readLedger(world: World, traffic: Traffic, { withJobs = true } = {}): Ledger {
  const jobs: LedgerJob[] = [];
  const byState: Record<JobState, number> = { in_queue: 0, in_progress: 0, succeeded: 0, failed: 0, cancelled: 0 };
  let accepted = 0;
  let charged = 0;
  let chargedMicro = 0;
  for (const job of world.jobs()) {
    accepted += 1;
    byState[job.state] += 1;
    if (job.chargedMicro > 0) charged += 1;
    chargedMicro += job.chargedMicro;
    if (!withJobs) continue;
    jobs.push({
      id: job.id,
      model: job.model,
      state: job.state,
      acceptedAt: job.acceptedAt,
      ...withoutUndefined({
        startedAt: job.startedAt,
        finishedAt: job.finishedAt,
        firstTerminalReadAt: job.firstTerminalReadAt,
      }),
      chargedUsd: toUsd(job.chargedMicro),
      chargedMicrodollars: job.chargedMicro,
      statusCalls: job.statusCalls,
      resultCalls: job.resultCalls,
      cancelCalls: job.cancelCalls,
      headers: job.headers,
      input: job.input,
    });
  }
  const wallets = Array.from(world.wallets.all(), (wallet) => {
    const micro = balanceMicroOf(wallet);
    return { token: `sha256:${wallet.owner.slice(0, 12)}`, balanceUsd: toUsd(micro), balanceMicrodollars: micro };
  });
  const totals = { accepted, charged, chargedUsd: toUsd(chargedMicro), byState, ...traffic.counts };
  return { jobs, totals, wallets };
}

import type { FaultRuleState } from '../faults/rule.ts';
import type { Settings } from '../settings/settings.ts';
import type { Job } from '../world/job.ts';
import type { Wallet } from '../world/wallets.ts';
import { readJournal } from './journal.ts';
import type { TrafficCounts } from './traffic.ts';

/** The contents of a state file. */
export interface SavedState {
  settings?: Settings;
  faults: FaultRuleState[];
  counts?: TrafficCounts;
  wallets: Pick<Wallet, 'owner' | 'grantedMicro'>[];
  jobs: Job[];
}

/** One line of a state file, with what changed. */
export interface StateRecord {
  settings?: Settings;
  faults?: FaultRuleState[];
  counts?: TrafficCounts;
  wallet?: Pick<Wallet, 'owner' | 'grantedMicro'>;
  job?: Job;
  change?: Partial<Job> & Pick<Job, 'id'>;
}

/** Reads a state file; a missing file counts as empty. */
export function loadState(path: string): SavedState {
  const state: SavedState = { faults: [], wallets: [], jobs: [] };
  const jobs = new Map<string, Job>();
  const wallets = new Map<string, Pick<Wallet, 'owner' | 'grantedMicro'>>();
  for (const record of readJournal(path) as StateRecord[]) {
    const { settings, faults, counts, wallet, job, change } = record;
    if (settings !== undefined) state.settings = settings;
    if (faults !== undefined) state.faults = faults;
    if (counts !== undefined) state.counts = counts;
    if (wallet !== undefined) wallets.set(wallet.owner, wallet);
    if (job !== undefined) jobs.set(job.id, job);
    if (change !== undefined) applyChange(jobs, change);
  }
  state.jobs = [...jobs.values()];
  state.wallets = [...wallets.values()];
  return state;
}

/** The fewest records that hold the same state as the whole file. */
export function* recordsOf(state: SavedState): Generator<StateRecord> {
  const { settings, faults, counts, wallets, jobs } = state;
  yield {
    ...(settings === undefined ? {} : { settings }),
    ...(counts === undefined ? {} : { counts }),
    faults,
  };
  for (const wallet of wallets) yield { wallet: { owner: wallet.owner, grantedMicro: wallet.grantedMicro } };
  for (const job of jobs) yield { job };
}

/** A change lists every field that can change, so a field that it lacks is no longer set. */
function applyChange(jobs: Map<string, Job>, change: Partial<Job> & Pick<Job, 'id'>): void {
  const job = jobs.get(change.id);
  if (job === undefined) return;
  jobs.set(change.id, { input: job.input, headers: job.headers, ...change } as Job);
}

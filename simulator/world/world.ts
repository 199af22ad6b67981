import { toNearestMicro } from '../../domain/budget/money.ts';
import type { EventLog } from '../record/events.ts';
import type { Journal } from '../record/journal.ts';
import type { Settings } from '../settings/settings.ts';
import { fileIdOf } from './file-ids.ts';
import { isFinished, type Job, type JobDraft } from './job.ts';
import { createLane, type Lane } from './lane.ts';
import { createJob } from './new-job.ts';
import { createRandom } from './random.ts';
import { createWallets, type Wallet, type Wallets } from './wallets.ts';

/** The state of the simulated service: its jobs and wallets, and how they change over time. */
export interface World {
  readonly settings: Settings;
  readonly events: EventLog;
  readonly wallets: Wallets;
  now: () => number;
  /** Sets a token's balance. */
  grant: (owner: string, balanceMicro: number) => void;
  accept: (draft: JobDraft) => Job;
  /** The job in its current state; an expired request is unknown. */
  find: (id: string) => Job | undefined;
  findFile: (fileId: string) => { job: Job; index: number } | undefined;
  /** Brings the jobs of one token and their charges up to date. */
  advance: (owner: string) => void;
  advanceAll: () => void;
  /** Every job in its current state, oldest first. */
  jobs: () => Iterable<Job>;
  /** Moves a read-driven job on by one read. */
  drive: (job: Job) => void;
  /** Cancels a queued job; returns false if it is too late. */
  cancel: (job: Job) => boolean;
  /** Starts a queued job at once, as if a slot had become free. */
  start: (job: Job) => void;
  /** Turns a success into a failure, unless a result has already shown the success. */
  fail: (job: Job, reason: string) => void;
  /** Releases these held jobs, or all except those stuck by a fault. Returns how many. */
  release: (jobs?: Job[]) => number;
  queuePosition: (job: Job) => number;
  /** Writes the current state of a job to the journal. */
  save: (job: Job, options?: { sync: boolean }) => void;
  /** Forgets every job and wallet. With `isFromStart`, the ids start anew as well. */
  clear: (options: { isFromStart: boolean }) => void;
  restore: (jobs: Job[], wallets: Pick<Wallet, 'owner' | 'grantedMicro'>[]) => void;
}

export function createWorld(deps: {
  settings: Settings;
  events: EventLog;
  journal: Journal;
  clock: { now: () => number };
}): World {
  const { settings, events, journal } = deps;
  const jobsById = new Map<string, Job>();
  const lanes = new Map<string, Lane>();
  const files = new Map<string, { job: Job; index: number }>();
  const wallets = createWallets(() => toNearestMicro(settings.switches.wallet_usd));
  let acceptedCount = 0;
  let acceptedUnderHold = 0;

  const now = () => deps.clock.now() + settings.clockOffsetMs;

  function laneOf(owner: string): Lane {
    let lane = lanes.get(owner);
    if (lane === undefined) {
      lane = createLane({
        maxParallel: () => settings.switches.max_parallel,
        holdsRun: (job) => job.isStuck === true || settings.hold?.stage === 'run',
        onStart(job, at) {
          wallets.settle(job, settings.switches.charge_on !== 'success');
          note(job, 'job started', at);
        },
        onFinish(job, at) {
          wallets.settle(job, job.state === 'succeeded' || settings.switches.charge_failed);
          registerFiles(job);
          note(job, `job ${job.state}`, at);
        },
      });
      lanes.set(owner, lane);
    }
    return lane;
  }

  function note(job: Job, what: string, at: number): void {
    events.add(at, what, { requestId: job.id, model: job.model });
    save(job);
  }

  function save(job: Job, options?: { sync: boolean }): void {
    const { input: _input, headers: _headers, ...state } = job;
    journal.append({ change: state }, options);
  }

  function registerFiles(job: Job): void {
    for (let index = 0; index < job.outputCount; index += 1) files.set(fileIdOf(job.id, index), { job, index });
  }

  function advanceAll(): void {
    const at = now();
    for (const lane of lanes.values()) lane.advance(at);
  }

  function release(jobs?: Job[]): number {
    let count = 0;
    for (const job of jobs ?? jobsById.values()) {
      if (job.held === undefined || (jobs === undefined && job.isStuck === true)) continue;
      job.isStuck = false;
      laneOf(job.owner).release(job, now());
      save(job);
      count += 1;
    }
    return count;
  }

  function countTowardsHold(): void {
    const { hold } = settings;
    if (hold === null) return;
    acceptedUnderHold += 1;
    if (acceptedUnderHold !== hold.untilAccepted) return;
    acceptedUnderHold = 0;
    settings.hold = null;
    journal.append({ settings }, { sync: true });
    release();
  }

  return {
    settings,
    events,
    wallets,
    now,
    grant(owner, balanceMicro) {
      const wallet = wallets.of(owner);
      wallet.grantedMicro = balanceMicro + wallet.chargedMicro;
      journal.append({ wallet: { owner, grantedMicro: wallet.grantedMicro } }, { sync: true });
    },
    accept(draft) {
      const at = now();
      const job = createJob(draft, acceptedCount, at, settings);
      acceptedCount += 1;
      jobsById.set(job.id, job);
      wallets.settle(job, settings.switches.charge_on === 'submit');
      const lane = laneOf(job.owner);
      lane.advance(at);
      journal.append({ job }, { sync: true });
      events.add(at, 'job accepted', { requestId: job.id, model: job.model });
      lane.add(job);
      lane.advance(at);
      countTowardsHold();
      return job;
    },
    find(id) {
      const job = jobsById.get(id);
      if (job === undefined) return undefined;
      laneOf(job.owner).advance(now());
      const ttl = settings.switches.request_ttl_ms;
      const isExpired = ttl !== null && job.finishedAt !== undefined && now() - job.finishedAt > ttl;
      return isExpired ? undefined : job;
    },
    findFile(fileId) {
      advanceAll();
      return files.get(fileId);
    },
    advance(owner) {
      laneOf(owner).advance(now());
    },
    advanceAll,
    jobs() {
      advanceAll();
      return jobsById.values();
    },
    drive(job) {
      if (job.drive === undefined || isHeld(job) || isFinished(job)) return;
      const lane = laneOf(job.owner);
      const { queueReads, runReads } = job.drive;
      if (job.state === 'in_queue' && job.drivenReads >= queueReads) lane.forceStart(job, now());
      const isDone = job.drivenReads >= queueReads + runReads;
      if (isDone && !isHeld(job)) lane.finish(job, now());
      job.drivenReads += 1;
    },
    cancel(job) {
      if (job.state !== 'in_queue') return false;
      laneOf(job.owner).remove(job);
      job.state = 'cancelled';
      job.held = undefined;
      job.finishedAt = now();
      wallets.settle(job, settings.switches.charge_cancelled_in_queue);
      events.add(now(), 'job cancelled', { requestId: job.id, model: job.model });
      save(job, { sync: true });
      return true;
    },
    start(job) {
      laneOf(job.owner).forceStart(job, now());
    },
    fail(job, reason) {
      if (job.state !== 'succeeded' || job.hasShownSuccess === true) return;
      job.failure = reason;
      job.state = 'failed';
      wallets.settle(job, settings.switches.charge_failed);
      save(job);
    },
    release,
    queuePosition(job) {
      const { queue_position_base: base, priority_jitter: hasJitter } = settings.switches;
      const at = now();
      const jitter = hasJitter ? Math.floor(createRandom(settings.seed, job.ordinal, Math.floor(at / 1000))() * 3) : 0;
      return base + laneOf(job.owner).countAhead(job) + Math.ceil(job.othersAhead * remainingShare(job, at)) + jitter;
    },
    save,
    clear({ isFromStart }) {
      if (isFromStart) acceptedCount = 0;
      jobsById.clear();
      lanes.clear();
      files.clear();
      wallets.clear();
      events.clear();
      acceptedUnderHold = 0;
    },
    restore(jobs, savedWallets) {
      for (const saved of savedWallets) wallets.of(saved.owner).grantedMicro = saved.grantedMicro;
      for (const job of jobs.toSorted((a, b) => a.ordinal - b.ordinal)) {
        jobsById.set(job.id, job);
        acceptedCount = job.ordinal + 1;
        wallets.of(job.owner).chargedMicro += job.chargedMicro;
        laneOf(job.owner).add(job);
        if (isFinished(job)) registerFiles(job);
      }
    },
  };
}

function isHeld(job: Job): boolean {
  return job.held !== undefined;
}

/** The share of its own queue time that a job still has to wait; it scales the number of other accounts' jobs ahead. */
function remainingShare(job: Job, at: number): number {
  if (job.drive !== undefined) {
    const { queueReads } = job.drive;
    return queueReads === 0 ? 0 : Math.max(0, 1 - job.drivenReads / queueReads);
  }
  if (job.held === 'queue') return 1;
  return job.queueMs === 0 ? 0 : Math.min(1, Math.max(0, (job.eligibleAt - at) / job.queueMs));
}

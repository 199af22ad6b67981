import type { GenerationState } from '../../domain/generation.ts';
import type { FaultRuleState } from '../../simulator/faults/rule.ts';
import type { LedgerJob } from '../../simulator/index.ts';
import type { FuzzScript } from './script.ts';

/** What a generation says of itself once it is over. */
export interface Said {
  deliveredId?: string;
  /** Failure type, or `Canceled`. */
  type?: string;
  state: Pick<GenerationState, 'submission' | 'requestId' | 'cancel' | 'otherRequestIds' | 'phase'>;
  /** What the prompts of its orders begin with. */
  prompt: string;
  /** Further submits that a person asked for. */
  resubmits: number;
  /** How often the run was reset to before its submit. */
  resets?: number;
  /** How many of the resets were gone on with by a worker that does not have the journal of the one before. */
  resetsElsewhere?: number;
  /** How often Temporal started a further run by itself, which knows nothing of the one before. */
  retries?: number;
}

/** What the provider's books say, and which ids its replies have told. */
export interface Books {
  jobs: LedgerJob[];
  faults: FaultRuleState[];
  told: ReadonlySet<string>;
}

/** Every promise that the run has broken, in sentences. None: all is well. */
export function brokenPromises(script: FuzzScript, said: Said, books: Books): string[] {
  return [...brokenBills(script, said, books), ...brokenEnds(script, said, books), ...brokenWords(said, books)];
}

/** One order, one bill; and each is told of. */
function brokenBills(script: FuzzScript, said: Said, { jobs, told }: Books): string[] {
  const { state, resubmits, resets = 0, resetsElsewhere = 0, retries = 0 } = said;
  const broken: string[] = [];
  // The policy counts once for each run that was reset: the one before it knows nothing of what it led to.
  const ordered = (script.policy === 'resubmit' ? 2 + resets : 1) + resubmits;
  if (jobs.length > ordered) broken.push(`${String(jobs.length)} jobs were accepted, ${String(ordered)} were ordered`);

  const reported = new Set([said.deliveredId, state.requestId, ...(state.otherRequestIds ?? [])]);
  for (const { id, state: jobState } of jobs) {
    const isUnknown = state.submission === 'unknown';
    // An id that was told is known for good, but to the runs after one that Temporal ended or that another machine took over.
    const mayBeElsewhere = (resetsElsewhere > 0 || retries > 0) && (isUnknown || ordered > 1);
    const isOwnedUp = told.has(id) ? mayBeElsewhere : isUnknown || ordered > 1 || resets > 0;
    if (!reported.has(id) && !isOwnedUp)
      broken.push(`job ${id} (${jobState}) is not reported, the submission is ${state.submission}`);
  }
  return broken;
}

/** What was paid for is delivered, unless the end says why not. */
function brokenEnds(script: FuzzScript, said: Said, { jobs, faults }: Books): string[] {
  const { state, deliveredId, type = '' } = said;
  if (deliveredId !== undefined) {
    const job = jobs.find(({ id }) => id === deliveredId);
    return job?.state === 'succeeded'
      ? []
      : [`job ${deliveredId} was delivered, but it is ${job?.state ?? 'not there'}`];
  }
  const broken: string[] = [];
  const isCancelled = type === 'GenerationCancelled' || type === 'Canceled';
  // Temporal ends a run by itself that no worker has seen when it is cancelled: its state tells of no wish.
  const isAskedOfTemporal = type === 'Canceled' && script.cancels.some(({ way }) => way === 'workflow');
  const isAsked = state.cancel !== undefined || isAskedOfTemporal;
  if (isCancelled && !isAsked && !jobs.some(({ state: ended }) => ended === 'cancelled'))
    broken.push(`the generation ended ${type}, but nobody asked for that`);
  // Temporal ends a run without a word only where a caller has set it a timeout.
  if (type === 'TimedOut' && script.retriedAfterMs === undefined) broken.push('the run timed out without a timeout');
  const mayLeave = isCancelled || type === 'GenerationTimedOut' || type === 'TimedOut';
  const own = jobs.find(({ id }) => id === state.requestId);
  const isSpoiled = faults.some(({ step, fired }) => step !== 'submit' && fired > 0);
  if (own?.state === 'succeeded' && !mayLeave && !isSpoiled)
    broken.push(`job ${own.id} succeeded and nothing stood in the way, but the generation ended ${type}`);
  return broken;
}

/** What is said of the submit and of the cancel is true. */
function brokenWords({ state }: Said, { jobs, faults }: Books): string[] {
  const broken: string[] = [];
  const own = jobs.find(({ id }) => id === state.requestId);
  const hasFired = (name: string) => faults.some(({ fault, fired }) => fault === name && fired > 0);
  if (state.cancel?.outcome === 'cancelled' && own?.state !== 'cancelled' && !hasFired('cancelled-then-succeeds')) {
    broken.push(`the cancel is said to have stopped the work, but the job is ${own?.state ?? 'not there'}`);
  }
  if (jobs.length === 0) return broken;
  if (state.cancel?.outcome === 'not_submitted') broken.push('said to be not submitted, but there is a job');
  if (state.submission === 'not_sent') broken.push('said to be not sent, but there is a job');
  if (state.submission === 'refused') broken.push('said to be refused, but there is a job');
  return broken;
}

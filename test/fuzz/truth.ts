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
}

/** What the provider's books say. */
export interface Books {
  jobs: LedgerJob[];
  faults: FaultRuleState[];
}

/** Every promise that the run has broken, in sentences. None: all is well. */
export function brokenPromises(script: FuzzScript, said: Said, { jobs, faults }: Books): string[] {
  const broken: string[] = [];
  const { state } = said;
  const hasFired = (name: string) => faults.some(({ fault, fired }) => fault === name && fired > 0);

  // What RunComfy accepted without telling stands in no journal: after a reset it may be ordered again, as documented.
  const isReplyLost = faults.some(({ step, fired }) => step === 'submit' && fired > 0);
  const reset = isReplyLost ? (said.resets ?? 0) : 0;
  const allowed = (script.policy === 'resubmit' ? 2 : 1) * (1 + reset) + said.resubmits;
  if (jobs.length > allowed) broken.push(`${String(jobs.length)} jobs were accepted, ${String(allowed)} were ordered`);

  const isResent = allowed > 1;
  const reported = new Set([said.deliveredId, state.requestId, ...(state.otherRequestIds ?? [])]);
  for (const { id, state: jobState } of jobs) {
    const isOwnedUp = state.submission === 'unknown' || isResent;
    if (!reported.has(id) && !isOwnedUp)
      broken.push(`job ${id} (${jobState}) is not reported, the submission is ${state.submission}`);
  }
  if (said.deliveredId !== undefined) {
    const job = jobs.find(({ id }) => id === said.deliveredId);
    if (job?.state !== 'succeeded')
      broken.push(`job ${said.deliveredId} was delivered, but it is ${job?.state ?? 'not there'}`);
  } else {
    const mayLeave = ['GenerationTimedOut', 'GenerationCancelled', 'Canceled', 'TimedOut'].includes(said.type ?? '');
    const own = jobs.find(({ id }) => id === state.requestId);
    const isSpoiled = faults.some(({ step, fired }) => step !== 'submit' && fired > 0);
    if (own?.state === 'succeeded' && !mayLeave && !isSpoiled) {
      broken.push(`job ${own.id} succeeded and nothing stood in the way, but the generation ended ${said.type ?? ''}`);
    }
  }

  const own = jobs.find(({ id }) => id === state.requestId);
  if (state.cancel?.outcome === 'cancelled' && own?.state !== 'cancelled' && !hasFired('cancelled-then-succeeds')) {
    broken.push(`the cancel is said to have stopped the work, but the job is ${own?.state ?? 'not there'}`);
  }
  if (state.cancel?.outcome === 'not_submitted' && jobs.length > 0)
    broken.push('said to be not submitted, but there is a job');
  if (state.submission === 'not_sent' && jobs.length > 0) broken.push('said to be not sent, but there is a job');
  if (state.submission === 'refused' && jobs.length > 0) broken.push('said to be refused, but there is a job');
  return broken;
}

import type { MediaKind } from '../../domain/media.ts';

export type JobState = 'in_queue' | 'in_progress' | 'succeeded' | 'failed' | 'cancelled';

/** What a submit that was found good brings in. */
export interface JobDraft {
  /** Digest of the token that submits it. */
  readonly owner: string;
  readonly model: string;
  readonly kind: MediaKind;
  readonly input: Record<string, unknown>;
  readonly headers: Record<string, string>;
  readonly priceMicro: number;
  readonly outputCount: number;
  /** It is going to fail, for this reason. */
  readonly failure?: string;
  /** It never leaves this stage by itself. */
  readonly stuck?: 'queue' | 'run';
}

/** One accepted submit. Times are milliseconds since the epoch, money is micro-dollars. */
export interface Job extends Omit<JobDraft, 'failure' | 'stuck'> {
  readonly id: string;
  /** Number among all jobs of this simulator: names the job's random stream. */
  readonly ordinal: number;
  readonly acceptedAt: number;
  readonly queueMs: number;
  readonly runMs: number;
  /** Set for a job whose time line is driven by reads instead of the clock. */
  readonly drive?: { readonly queueReads: number; readonly runReads: number };
  /** Jobs of other accounts that were ahead at the start. */
  readonly othersAhead: number;
  state: JobState;
  /** From when on it may start, slots permitting. */
  eligibleAt: number;
  /** When the running work ends. */
  endsAt?: number | undefined;
  startedAt?: number;
  finishedAt?: number;
  firstTerminalReadAt?: number;
  /** The stage in which it waits until it is released. */
  held?: 'queue' | 'run' | undefined;
  /** Held by a fault: only a release that names it lets it go. */
  isStuck?: boolean;
  /** Why it is going to fail, or has failed. */
  failure?: string;
  /** A result has shown that it succeeded: it can no longer turn out to have failed. */
  hasShownSuccess?: boolean;
  /** It runs on although a cancel was answered with `cancelled`. */
  ignoresCancel?: boolean;
  chargedMicro: number;
  /** Reads that moved a read-driven job on. */
  drivenReads: number;
  /** Result reads answered since the success, for the delay of `cost`. */
  costReads: number;
  statusCalls: number;
  resultCalls: number;
  cancelCalls: number;
}

export function isFinished(job: Job): boolean {
  return job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled';
}

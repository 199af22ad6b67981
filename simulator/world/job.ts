import type { MediaKind } from '../../domain/media.ts';

export type JobState = 'in_queue' | 'in_progress' | 'succeeded' | 'failed' | 'cancelled';

/** A submit that passed its checks. */
export interface JobDraft {
  /** Digest of the token that submitted it. */
  readonly owner: string;
  readonly model: string;
  readonly kind: MediaKind;
  readonly input: Record<string, unknown>;
  readonly headers: Record<string, string>;
  readonly priceMicro: number;
  readonly outputCount: number;
  /** The job will fail, for this reason. */
  readonly failure?: string;
  /** The job never leaves this stage by itself. */
  readonly stuck?: 'queue' | 'run';
}

/** An accepted submit. Times are in milliseconds since the epoch, money is in micro-dollars. */
export interface Job extends Omit<JobDraft, 'failure' | 'stuck'> {
  readonly id: string;
  /** Number among all jobs of this simulator; it selects the job's random stream. */
  readonly ordinal: number;
  readonly acceptedAt: number;
  readonly queueMs: number;
  readonly runMs: number;
  /** Set if reads, instead of the clock, move the job on. */
  readonly drive?: { readonly queueReads: number; readonly runReads: number };
  /** Jobs of other accounts that were ahead of it at first. */
  readonly othersAhead: number;
  state: JobState;
  /** The time from which it may start, if a slot is free. */
  eligibleAt: number;
  /** The time at which the running work ends. */
  endsAt?: number | undefined;
  startedAt?: number;
  finishedAt?: number;
  firstTerminalReadAt?: number;
  /** The stage in which the job waits until it is released. */
  held?: 'queue' | 'run' | undefined;
  /** Held by a fault: only a release that names the job lets it go on. */
  isStuck?: boolean;
  /** Why the job will fail or has failed. */
  failure?: string;
  /** A result has shown the success, so the job can no longer turn into a failure. */
  hasShownSuccess?: boolean;
  /** The job runs on although a cancel was answered with `cancelled`. */
  ignoresCancel?: boolean;
  chargedMicro: number;
  /** Reads that moved the job on, if it is driven by reads. */
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

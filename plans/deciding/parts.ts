import type { CancelOutcome, GenerationResult, InputIssue } from '../../domain/generation.ts';
import type { FollowAnswer } from '../../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import type { ModelLookupOptions } from '../model-facts.ts';

/** What Temporal knows of the generation with a key. */
export type KeyStanding =
  | { kind: 'unknown' }
  | { kind: 'running' }
  | { kind: 'succeeded'; result: GenerationResult }
  /** Its last run provably cost nothing. */
  | { kind: 'unbilled'; runId: string; failure: StepFailure; startedAt?: Date }
  | { kind: 'failed'; failure: StepFailure; startedAt?: Date }
  /** The key belongs to a workflow other than a generation. */
  | { kind: 'foreign'; message: string };

/** The generations that Temporal knows, by key. */
export interface KnownGenerations {
  /** The model and input that the order of a key was made with; undefined if Temporal does not know it any more. */
  orderOf: (key: string) => Promise<{ model?: unknown; input?: unknown } | undefined>;
  standingOf: (key: string) => Promise<KeyStanding>;
  /** Waits for the end; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<FollowAnswer>;
  /** RunComfy's request id, if known. */
  requestIdOf: (key: string) => Promise<string | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
}

/** What the decision about an order needs; none of it orders anything. */
export interface DecidingParts {
  lookup: ModelLookupOptions;
  validator: {
    validate: (model: string, input: Record<string, unknown>) => Promise<{ issues: InputIssue[]; warnings: string[] }>;
  };
  generations: Pick<KnownGenerations, 'standingOf'>;
  /** Whether a file of an earlier run is no longer available. */
  isGone: (url: string) => Promise<boolean>;
}

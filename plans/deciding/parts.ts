import type { CancelOutcome, GenerationResult, InputIssue } from '../../domain/generation.ts';
import type { FollowAnswer } from '../../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import type { ModelLookupOptions } from '../model-facts.ts';

/** What Temporal knows of the generation of a key. */
export type KeyStanding =
  | { kind: 'unknown' }
  | { kind: 'running' }
  | { kind: 'succeeded'; result: GenerationResult }
  /** Its last run provably cost nothing. */
  | { kind: 'unbilled'; runId: string; failure: StepFailure; startedAt?: Date }
  | { kind: 'failed'; failure: StepFailure; startedAt?: Date }
  /** The key belongs to a workflow that is no generation. */
  | { kind: 'foreign'; message: string };

/** The generations that Temporal knows, by their keys. */
export interface KnownGenerations {
  /** What the order of a key was made of; undefined where Temporal knows it no longer. */
  orderOf: (key: string) => Promise<{ model?: unknown; input?: unknown } | undefined>;
  standingOf: (key: string) => Promise<KeyStanding>;
  /** Waits for the end; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<FollowAnswer>;
  /** RunComfy's id, where it is known. */
  requestIdOf: (key: string) => Promise<string | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
}

/** What it takes to decide what becomes of an order: nothing of it orders anything. */
export interface DecidingParts {
  lookup: ModelLookupOptions;
  validator: {
    validate: (model: string, input: Record<string, unknown>) => Promise<{ issues: InputIssue[]; warnings: string[] }>;
  };
  generations: Pick<KnownGenerations, 'standingOf'>;
  /** Whether a file that an earlier run made is no longer to be had. */
  isGone: (url: string) => Promise<boolean>;
}

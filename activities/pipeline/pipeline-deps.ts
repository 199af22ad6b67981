import type { CancelOutcome, GenerationResult, InputIssue } from '../../domain/generation.ts';
import type { FollowAnswer } from '../../domain/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline-run.ts';
import type { ModelLookupOptions } from '../../plans/model-facts.ts';

/** What Temporal knows of the generation of a key. */
export type KeyStanding =
  | { kind: 'unknown' }
  | { kind: 'running' }
  | { kind: 'succeeded'; result: GenerationResult }
  /** Its last run provably cost nothing. */
  | { kind: 'unbilled'; runId: string; failure: StepFailure }
  | { kind: 'failed'; failure: StepFailure }
  /** The key belongs to a workflow that is no generation. */
  | { kind: 'foreign'; message: string };

/** The generations that Temporal knows, by their keys. */
export interface KnownGenerations {
  standingOf: (key: string) => Promise<KeyStanding>;
  /** Waits for the end; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<FollowAnswer>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
}

/** What the activities of pipelines need from the process they run in. */
export interface PipelineDeps {
  lookup: ModelLookupOptions;
  validator: {
    validate: (model: string, input: Record<string, unknown>) => Promise<{ issues: InputIssue[]; warnings: string[] }>;
  };
  generations: KnownGenerations;
  /** Whether a file that an earlier run made is no longer to be had. */
  isGone: (url: string) => Promise<boolean>;
  /** The search attributes of ours that the server knows. */
  searchAttributes: () => string[];
}

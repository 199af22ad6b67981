import type { GenerationResult, InputIssue } from '../../domain/generation.ts';
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

/** What it takes to decide what becomes of an order: nothing of it orders anything. */
export interface DecidingParts {
  lookup: ModelLookupOptions;
  validator: {
    validate: (model: string, input: Record<string, unknown>) => Promise<{ issues: InputIssue[]; warnings: string[] }>;
  };
  generations: { standingOf: (key: string) => Promise<KeyStanding> };
  /** Whether a file that an earlier run made is no longer to be had. */
  isGone: (url: string) => Promise<boolean>;
}

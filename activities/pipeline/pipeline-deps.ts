import type { CancelOutcome } from '../../domain/generation.ts';
import type { FollowAnswer } from '../../domain/pipeline/pipeline-activities.ts';
import type { DecidingParts } from '../../plans/deciding/parts.ts';

/** The generations that Temporal knows, by their keys. */
export interface KnownGenerations {
  /** What the order of a key was made of; undefined where Temporal knows it no longer. */
  orderOf: (key: string) => Promise<{ model?: unknown; input?: unknown } | undefined>;
  standingOf: DecidingParts['generations']['standingOf'];
  /** Waits for the end; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<FollowAnswer>;
  /** RunComfy's id, where it is known. */
  requestIdOf: (key: string) => Promise<string | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
}

/** What the activities of pipelines need from the process they run in. */
export interface PipelineDeps extends DecidingParts {
  generations: KnownGenerations;
  /** The search attributes of ours that the server knows. */
  searchAttributes: () => string[];
}

import type { DecidingParts, KnownGenerations } from '../../plans/deciding/parts.ts';

/** What the activities of pipelines need from the process they run in. */
export interface PipelineDeps extends DecidingParts {
  generations: KnownGenerations;
  /** Our search attributes that the server knows. */
  searchAttributes: () => string[];
}

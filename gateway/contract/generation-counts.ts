import { z } from 'zod';
import type { Phase } from '../../domain/generation.ts';
import { time } from './generation.ts';

const count = z.exactOptional(z.int().min(0));

const byPhase = z
  .object({
    submitting: count,
    submission_unknown: count,
    in_queue: count,
    in_progress: count,
    fetching_result: count,
    succeeded: count,
    failed: count,
    cancelled: count,
    timed_out: count,
  } satisfies Record<Phase, unknown>)
  .meta({ id: 'CountsByPhase', description: 'A phase is missing where the server cannot tell it.' });

/** The number of generations by phase. */
export const generationCounts = z
  .object({ byPhase, open: z.int().min(0).meta({ description: 'Those that have not ended.' }), asOf: time })
  .meta({
    id: 'GenerationCounts',
    examples: [{ byPhase: { in_queue: 3, succeeded: 12, failed: 1 }, open: 3, asOf: '2026-11-26T05:00:09.120Z' }],
  });

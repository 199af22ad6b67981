import { z } from 'zod';
import { failureType, phase, tenant, time } from './generation.ts';
import { usd } from './money.ts';
import { isUndecodable } from './undecodable.ts';

const { exactOptional } = z;

/** A generation in a list; the last four fields are set with `include=state`. */
const generationRow = z
  .object({
    key: z.string(),
    tenant,
    runId: z.string(),
    model: z.string(),
    phase,
    requestId: exactOptional(z.string()),
    costUsd: exactOptional(usd),
    labels: exactOptional(z.record(z.string(), z.string())),
    createdAt: time,
    closedAt: exactOptional(time),
    isUndecodable: exactOptional(isUndecodable),
    queuePosition: exactOptional(z.int()),
    waitedMs: exactOptional(z.int().meta({ description: 'Milliseconds from its start to its end, or to now' })),
    failure: exactOptional(z.object({ type: failureType, message: z.string() }).meta({ id: 'FailureOfRow' })),
    thumbnail: exactOptional(z.string().meta({ description: 'URL of its first image, else of its first video' })),
  })
  .meta({ id: 'GenerationRow' });

export const generationList = z
  .object({ generations: z.array(generationRow), nextPageToken: exactOptional(z.string()) })
  .meta({ id: 'GenerationList', description: 'A page; it may be short, and others follow while there is a token.' });

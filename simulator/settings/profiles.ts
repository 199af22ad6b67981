import { z } from 'zod';
import type { MediaKind } from '../../domain/media.ts';
import type { Random } from '../world/random.ts';

const duration = z.union([
  z.number().nonnegative(),
  z.tuple([z.number().nonnegative(), z.number().nonnegative()]),
  z.strictObject({ median: z.number().positive(), sigma: z.number().nonnegative() }),
]);

const profile = z.union([
  z.strictObject({ queueReads: z.number().int().nonnegative(), runReads: z.number().int().nonnegative() }),
  z.strictObject({
    queueMs: duration.optional(),
    runMs: duration.optional(),
    coldStart: z.strictObject({ probability: z.number().min(0).max(1), ms: duration }).optional(),
  }),
]);

const profiles = z.record(z.string(), profile);

/** Milliseconds: fixed, uniform in [min, max], or lognormal. */
export type Duration = z.infer<typeof duration>;

/** How long a job queues and runs, in time or in the number of reads. */
export type Profile = z.infer<typeof profile>;

/** Profiles by model id, by kind (`image`, `video`, `audio`) or `*`; the most specific one applies. */
export type Profiles = z.infer<typeof profiles>;

const usualProfiles = {
  image: { queueMs: [1_000, 3_000], runMs: [8_000, 40_000] },
  video: { queueMs: [2_000, 60_000], runMs: [60_000, 300_000] },
  audio: { queueMs: [1_000, 3_000], runMs: [5_000, 30_000] },
} as const satisfies Record<MediaKind, { queueMs: readonly [number, number]; runMs: readonly [number, number] }>;

/** The times drawn for a job. */
export type DrawnTimes = { queueMs: number; runMs: number } | { queueReads: number; runReads: number };

/** Checks profiles that come from outside; throws one sentence if one is wrong. */
export function parseProfiles(value: unknown): Profiles {
  const result = profiles.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join('.') ?? '';
  throw new Error(
    `Profile ${where === '' ? 'list' : `"${where}"`} is wrong: expected { "<model, kind or *>": { queueMs, runMs } } with ` +
      'milliseconds, [min, max] or { median, sigma }, or { queueReads, runReads }.',
  );
}

/** Draws the times of one job. A `speed` of 10 makes them ten times shorter. */
export function drawTimes(
  profiles: Profiles,
  job: { model: string; kind: MediaKind },
  speed: number,
  random: Random,
): DrawnTimes {
  const chosen: Profile = profiles[job.model] ?? profiles[job.kind] ?? profiles['*'] ?? {};
  if ('queueReads' in chosen) return { queueReads: chosen.queueReads, runReads: chosen.runReads };
  const usual = usualProfiles[job.kind];
  const queueMs = drawDuration(chosen.queueMs ?? [...usual.queueMs], random);
  const runMs = drawDuration(chosen.runMs ?? [...usual.runMs], random);
  const isCold = chosen.coldStart !== undefined && random() < chosen.coldStart.probability;
  const coldMs = isCold ? drawDuration(chosen.coldStart?.ms ?? 0, random) : 0;
  return { queueMs: (queueMs + coldMs) / speed, runMs: runMs / speed };
}

function drawDuration(duration: Duration, random: Random): number {
  if (typeof duration === 'number') return duration;
  if (Array.isArray(duration)) return duration[0] + random() * (duration[1] - duration[0]);
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return duration.median * Math.exp(duration.sigma * normal);
}

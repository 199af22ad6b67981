import type { WaitingOptions, WaitingPreset } from './generation.ts';
import { wellFormed } from './text.ts';

/** How many seconds of delay one status read is worth. */
const presets: Record<WaitingPreset, number> = { interactive: 0.02, balanced: 0.5, frugal: 5 };

/** Seconds of delay that one read is worth, as the request asks for. */
export function secondsPerReadOf(waiting: WaitingOptions | undefined): number {
  return waiting?.secondsOfDelayPerRead ?? presets[waiting?.preset ?? 'balanced'];
}

/** Input fields that size the work: they go into the key that durations are learned by. */
const sizingFields = [
  'duration',
  'resolution',
  'image_size',
  'size',
  'width',
  'height',
  'num_images',
  'max_images',
  'steps',
  'music_length_ms',
  'generate_audio',
  'sound',
];

const maxKeyLength = 200;

/** Model and sizing fields of an input, e.g. `kling/kling-3.0/standard/image-to-video duration=10`. */
export function workKeyOf(model: string, input: Record<string, unknown>): string {
  const sizes = sizingFields.flatMap((field) => {
    const value = input[field];
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [`${field}=${String(value)}`]
      : [];
  });
  return wellFormed([model, ...sizes].join(' ').slice(0, maxKeyLength));
}

/** Memo key of a finished generation; what a starting worker learns from. */
export const workMemoKey = 'runcomfyWork';

/** What a finished generation leaves behind for learning. */
export interface FinishedWork {
  workKey: string;
  model: string;
  /** From the submit to the end. */
  totalMs: number;
  /** From the last moment at which the work was known not to run yet. */
  workMs?: number;
  queueMs?: number;
  runMs?: number;
  /** The reads did not tell the work from its time in the queue. */
  isWorkUnknown?: boolean;
  hasFailed?: boolean;
  /** Where it ran: only what ran at the same place teaches. */
  source?: string;
}

import type { WaitingOptions, WaitingPreset } from './generation.ts';

/** How many seconds of delay one status read is worth. */
const presets: Record<WaitingPreset, number> = { interactive: 0.02, balanced: 0.5, frugal: 5 };

/** Seconds of delay that one read is worth, as the request asks for. */
export function secondsPerReadOf(waiting: WaitingOptions | undefined): number {
  return waiting?.secondsOfDelayPerRead ?? presets[waiting?.preset ?? 'balanced'];
}

/** Memo key of a finished generation; what a starting worker learns from. */
export const workMemoKey = 'runcomfyWork';

/** No kind of work is named by more characters. */
export const maxWorkKeyLength = 200;

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

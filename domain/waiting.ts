import type { WaitingOptions, WaitingPreset } from './generation.ts';

/** Seconds of delay that one status read is worth, by preset. */
const presets: Record<WaitingPreset, number> = { interactive: 0.02, balanced: 0.5, frugal: 5 };

/** Seconds of delay that one read is worth, as the request asks for. */
export function secondsPerReadOf(waiting: WaitingOptions | undefined): number {
  return waiting?.secondsOfDelayPerRead ?? presets[waiting?.preset ?? 'balanced'];
}

/** Memo key of a finished generation's `FinishedWork`, from which a starting worker learns durations. */
export const workMemoKey = 'runcomfyWork';

/** Longest work key, in characters. */
export const maxWorkKeyLength = 200;

/** What can be learned from a finished generation. */
export interface FinishedWork {
  workKey: string;
  model: string;
  /** From the submit to the end. */
  totalMs: number;
  /** From the last moment at which the work was known not to be running yet. */
  workMs?: number;
  queueMs?: number;
  runMs?: number;
  /** Set if the reads could not tell the work from its time in the queue. */
  isWorkUnknown?: boolean;
  hasFailed?: boolean;
  /** Where it ran: a worker learns only from work that ran at the same place. */
  source?: string;
}

import { condition, log, metricMeter } from '@temporalio/workflow';
import { isWall } from '../../domain/failure-type.ts';
import type { WallState } from '../../domain/generation.ts';
import { cutText } from '../../domain/text.ts';
import { readActivityError } from './activity-error.ts';
import { continueAsNewIfDue } from './continue-as-new.ts';
import type { Generation } from './memory.ts';
import { freeWhileWaiting } from './settle-budgets.ts';
import { noteSubmission } from './sightings.ts';
import { enterPhase, noteModelKnown, noteSearchAttributes } from './visibility.ts';
import { isAnythingWished, settleReadWish } from './wishes.ts';

/** First pause at a wall, in milliseconds: a slip is fixed in seconds. */
const firstPauseMs = 5_000;
/** Longest pause at a wall, in milliseconds: it may last for hours, and each try costs RunComfy a call. */
const longestPauseMs = 5 * 60_000;

/** Share by which pauses vary, so that orders that met the same wall do not come back in the same second. */
const jitter = 0.2;

const maxMessageLength = 1_000;

/**
 * Waits until an order that was refused because of the wallet, the token or a budget is worth another try, or something
 * more urgent comes in. False if it was refused for another reason, or the caller does not want it to wait.
 */
export async function waitAtWall(generation: Generation, error: unknown): Promise<boolean> {
  const { state, facts, wishes, doubt } = generation;
  const { type, message, details } = readActivityError(error);
  if (facts.request.onWall !== 'wait' || !isWall(type, details.budget)) return false;
  const { refusals: before = 0, since = new Date().toISOString() } = state.wall ?? {};
  const pauseMs = Math.round(pauseAfter(before) * (1 - jitter + 2 * jitter * Math.random()));
  state.wall = {
    type,
    message: cutText(message, maxMessageLength),
    since,
    refusals: before + 1,
    nextTryAt: new Date(Date.now() + pauseMs).toISOString(),
  };
  if (!doubt.hasResubmitted) noteSubmission(generation, type === 'BudgetExceeded' ? 'not_sent' : 'refused');
  noteSearchAttributes(generation, details);
  if (details.isModelKnown) noteModelKnown(generation);
  enterPhase(generation, 'submitting', 'now');
  metricMeter
    .createCounter('runcomfy_wall_refusals', '{submit}', 'Refused submits of orders that wait for wallet or token')
    .add(1, { type });
  log.warn('the order waits at a wall', { model: state.model, type, reason: message });
  await freeWhileWaiting(generation);
  await condition(() => isAnythingWished(generation) || wishes.isNudged, pauseMs);
  settleReadWish(generation);
  if (!isAnythingWished(generation)) await continueAsNewIfDue(generation);
  return true;
}

/** Records that the order is past the wall at which it waited. */
export function passWall({ state }: Generation): void {
  delete state.wall;
}

/** What an order waited for, in words, for the sentence about its end. */
export function wallWords({ type, message }: WallState): string {
  const walls = {
    InsufficientBalance: 'the wallet was empty',
    Unauthenticated: 'the token was refused',
    BudgetExceeded: 'the budget was exhausted',
  } as const;
  const what = walls[type];
  return `${what} (${message})`;
}

function pauseAfter(refusals: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(refusals, 10));
}

import type { KnownState } from '../../client/index.ts';
import type { BalanceReading, SubmissionEvidence } from '../../domain/generation.ts';
import { decisionWords } from '../unknown-submission.ts';
import { formatElapsed } from './format-elapsed.ts';
import { fields } from './pretty.ts';

/** A status older than this is shown with its age, since the work may have moved on. */
const freshMs = 5_000;

/** A state for people, with everything that the JSON document has. */
export function prettyState(state: KnownState, key: string, now = Date.now()): string {
  const { model, requestId, queuePosition, reads, cancel, failure, evidence, otherRequestIds, warnings = [] } = state;
  return fields([
    ['phase', phaseWords(state, now)],
    ['model', model],
    ['key', key],
    ['request', requestId],
    ['queue', queuePosition === undefined ? undefined : `position ${String(queuePosition)}`],
    ['begins', state.beginsAt],
    ['submitted', state.submittedAt],
    ['started', state.startedAt],
    ['expected end', timeLeft(state, now)],
    ['reads', state.readAt === undefined ? reads : `${String(reads)}, last at ${state.readAt}`],
    ['next read', state.nextReadAt],
    ['deadline', state.deadlineAt],
    ['waits for', wallWords(state)],
    ['cancel', cancel && `asked at ${cancel.requestedAt}: ${cancel.outcome ?? 'under way'}`],
    ['failure', failure && `${failure.type}: ${failure.message}`],
    ['further requests', otherRequestIds?.join(', ')],
    ['further bills', furtherBills(state)],
    ['stuck', taskFailureWords(state)],
    ...(evidence ? evidenceRows(evidence) : []),
    ['decide', state.phase === 'submission_unknown' && !failure ? decisionWords(key, evidence) : undefined],
    ...warnings.map((warning): [string, string] => ['warning', warning]),
  ]);
}

function furtherBills({ otherCostsUnknown: count }: KnownState): string | undefined {
  if (count === undefined) return undefined;
  return count === 1 ? 'one is possible, of unknown cost' : `${String(count)} are possible, of unknown cost`;
}

/** A state on one line, for live progress. */
export function progressLine(state: KnownState, elapsedMs: number, now = Date.now()): string {
  const { phase, queuePosition, reads, requestId, cancel } = state;
  const parts = [
    formatElapsed(elapsedMs),
    phaseWords(state, now),
    phase === 'in_queue' && queuePosition !== undefined ? `position ${String(queuePosition)}` : undefined,
    timeLeft(state, now),
    state.wall && `waits for ${wallWants[state.wall.type]}`,
    `${String(reads)} ${reads === 1 ? 'read' : 'reads'}`,
    cancel === undefined ? undefined : `cancel ${cancel.outcome ?? 'asked for'}`,
    answerWords(state),
    requestId === undefined ? undefined : `request ${requestId}`,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** Why workers cannot go on with a generation, in one sentence; undefined if they can. */
export function taskFailureWords({ taskFailure }: KnownState): string | undefined {
  if (!taskFailure) return undefined;
  return `its tasks fail (attempt ${String(taskFailure.attempts)}): ${taskFailure.reason}`;
}

/** The phase, with the age of the last read unless it is fresh. */
function phaseWords({ phase, readAt, isFromServer }: KnownState, now: number): string {
  const words = phase.replaceAll('_', ' ');
  if ((phase !== 'in_queue' && phase !== 'in_progress') || isFromServer) return words;
  if (readAt === undefined) return phase === 'in_queue' ? 'submitted, not looked at yet' : words;
  const ageMs = now - Date.parse(readAt);
  return ageMs > freshMs ? `${words} (seen ${formatElapsed(ageMs)} ago)` : words;
}

/** What an order at a wall waits for, in words. */
export const wallWants = {
  InsufficientBalance: 'a filled wallet',
  Unauthenticated: 'a valid token',
  BudgetExceeded: 'room in a budget',
} as const;

function wallWords({ wall }: KnownState): string | undefined {
  if (!wall) return undefined;
  return `${wallWants[wall.type]} since ${wall.since}, refused ${String(wall.refusals)} times, next try ${wall.nextTryAt}: ${wall.message}`;
}

/** The expected time left, if it is known and the work is open. */
export function timeLeft({ expectedEndAt, phase }: KnownState, now: number): string | undefined {
  if (expectedEndAt === undefined || (phase !== 'in_queue' && phase !== 'in_progress')) return undefined;
  const leftMs = Date.parse(expectedEndAt) - now;
  return leftMs > 0 ? `about ${formatElapsed(leftMs)} left` : 'expected to end any moment';
}

function answerWords(state: KnownState): string | undefined {
  if (state.taskFailure) return taskFailureWords(state);
  if (state.beginsAt !== undefined) return `begins at ${state.beginsAt}`;
  return state.isFromServer ? 'no worker answers' : undefined;
}

/** The evidence about an unknown submission, as names and values. */
export function evidenceRows(evidence: SubmissionEvidence): [string, string | undefined][] {
  const { sentAt, balanceBefore, balanceAfter, reason, reply, repliedRequestId, expectedPriceUsd, note } = evidence;
  const spent = balanceBefore && balanceAfter && balanceBefore.microdollars - balanceAfter.microdollars;
  return [
    ['unknown since', reason],
    ['sent', sentAt],
    ['came back', reply],
    ['request in it', repliedRequestId],
    ['balance before', balanceBefore && balanceWords(balanceBefore)],
    ['balance after', balanceAfter && balanceWords(balanceAfter)],
    ['spent between', spent === undefined ? undefined : usd(spent / 1e6)],
    ['expected price', expectedPriceUsd === undefined ? undefined : usd(expectedPriceUsd)],
    ['evidence', note],
  ];
}

function balanceWords({ microdollars, readAt }: BalanceReading): string {
  return `${usd(microdollars / 1e6)} at ${readAt}`;
}

function usd(amount: number): string {
  return `${amount < 0 ? '-' : ''}$${String(Math.round(Math.abs(amount) * 1e6) / 1e6)}`;
}

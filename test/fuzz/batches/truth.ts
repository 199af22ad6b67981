import { countOfStatus } from '../../../domain/batch/batch-line.ts';
import { type BatchCounts, batchLimits, type BatchLine, isBatchEnd } from '../../../domain/batch/batch.ts';
import { batchItemKey } from '../../../domain/names.ts';
import type { PlayedBatch } from './play.ts';
import type { BatchScript } from './script.ts';

/** The promises of batches that this one has broken. */
export function brokenBatchPromises(script: BatchScript, played: PlayedBatch): string[] {
  return [
    ...ofStates(script, played),
    ...ofPages(played),
    ...ofLines(played),
    ...ofOrders(played),
    ...ofWalls(script, played),
  ];
}

function ofStates({ maxCostUsd }: BatchScript, { states, end, isUnlimited, taken }: PlayedBatch): string[] {
  const broken: string[] = [];
  for (const [at, { counts, money }] of states.entries()) {
    const { total, ...parts } = counts;
    if (sum(Object.values(parts)) !== total)
      broken.push(`state ${String(at)} does not add up: ${JSON.stringify(counts)}`);
    if (Object.values(counts).some((count) => count < 0)) broken.push(`state ${String(at)} counts below 0`);
    const before = states[at - 1]?.counts;
    if (before && before.succeeded > counts.succeeded) broken.push(`state ${String(at)} has fewer that succeeded`);
    if (maxCostUsd !== undefined && !isUnlimited && money.spentUsd > maxCostUsd + 1e-9)
      broken.push(`state ${String(at)} has spent ${String(money.spentUsd)} above its limit`);
  }
  const last = states.at(-1);
  if (!last || !isBatchEnd(last.phase)) broken.push(`it ended as ${String(last?.phase)}`);
  if (last?.counts.total !== taken.length)
    broken.push(`it counts ${String(last?.counts.total)} of ${String(taken.length)}`);
  if ('result' in end && JSON.stringify(end.result.counts) !== JSON.stringify(last?.counts))
    broken.push('the result counts otherwise than the last state');
  return broken;
}

/** Readers find a line by its number and the length of a page, an item by the pages that the state names. */
function ofPages({ taken, states, tails, outside: { pages } }: PlayedBatch): string[] {
  const broken: string[] = [];
  const { resultPages = 0, input } = states.at(-1) ?? {};
  const lengths = Array.from({ length: resultPages }, (_, page) => pages.lines.get(page)?.length ?? 0);
  if (pages.lines.size !== resultPages)
    broken.push(`it tells of ${String(resultPages)} pages of lines and has ${[...pages.lines.keys()].join()}`);
  if (lengths.slice(0, -1).some((length) => length !== batchLimits.pageLines))
    broken.push(`pages of lines have ${lengths.join()} lines`);
  for (const [at, { page, lines }] of tails.entries()) {
    const { total = 0, waiting = 0, inFlight = 0 } = states[at]?.counts ?? {};
    const untold = Math.max(0, total - waiting - inFlight - page * batchLimits.pageLines);
    if (lines.length !== Math.min(batchLimits.pageLines, untold))
      broken.push(
        `state ${String(at)} tells ${String(lines.length)} lines behind page ${String(page)} of ${String(untold)}`,
      );
    const kept = pages.lines.get(page)?.slice(0, lines.length) ?? [];
    if (idsOf(kept) !== idsOf(lines))
      broken.push(`page ${String(page)} became another one than state ${String(at)} told`);
  }
  const numbers = input?.numbers ?? Array.from({ length: input?.pages ?? 0 }, (_, page) => page);
  const items = numbers.map((page) => pages.items.get(page) ?? []);
  if (items.some((page) => page.length > batchLimits.pageItems)) broken.push('a page has too many items');
  if (idsOf(items.flat()) !== taken.join()) broken.push(`pages ${numbers.join()} hold other items than were taken`);
  return broken;
}

const idsOf = (named: readonly { id: string }[]) => named.map(({ id }) => id).join();

function ofLines({ taken, lines, states, outside, isLetGo }: PlayedBatch): string[] {
  const broken: string[] = [];
  const ids = lines.map(({ id }) => id);
  if (ids.length !== taken.length || new Set(ids).size !== taken.length)
    broken.push(`${String(taken.length)} items have ${String(ids.length)} lines of ${String(new Set(ids).size)} items`);
  if (ids.some((id) => !taken.includes(id))) broken.push('a line is of no item');
  if (outside.rewritten.length > 0) broken.push(`pages were written again: ${outside.rewritten.join()}`);
  const counts: Partial<BatchCounts> = {};
  for (const { status } of lines) counts[countOfStatus(status)] = (counts[countOfStatus(status)] ?? 0) + 1;
  for (const [name, count] of Object.entries(counts)) {
    if (states.at(-1)?.counts[name as keyof BatchCounts] !== count)
      broken.push(`${name} is counted otherwise than told`);
  }
  for (const line of lines) {
    const said = saidOf(line, outside.orders.get(line.key)?.end);
    if (said !== undefined && !(isLetGo && line.status === 'cancelled')) broken.push(said);
  }
  return broken;
}

type End = NonNullable<ReturnType<PlayedBatch['outside']['orders']['get']>>['end'];

function saidOf({ id, status, error }: BatchLine, end: End): string | undefined {
  if (status === 'not_started') {
    const isFree = end === undefined || ('failure' in end && end.failure.error.submission === 'not_sent');
    return isFree ? undefined : `${id} is not_started, and was ordered`;
  }
  const isSame = end && ('result' in end ? status === 'succeeded' : end.failure.error.type === error?.type);
  return isSame ? undefined : `${id} is ${status}, its order ${JSON.stringify(end)}`;
}

function ofOrders({ taken, outside, states, lines, isLetGo }: PlayedBatch): string[] {
  const broken: string[] = [];
  const key = states.length > 0 ? lines[0]?.key.slice(0, lines[0].key.length - lines[0].id.length) : undefined;
  for (const [itemKey, { accepted, end }] of outside.orders) {
    if (accepted > 1) broken.push(`${itemKey} was ordered ${String(accepted)} times`);
    if (end === undefined && !isLetGo) broken.push(`${itemKey} was let go`);
    if (key !== undefined && !taken.some((id) => batchItemKey(key.slice(0, -1), id) === itemKey))
      broken.push(`${itemKey} is of no item`);
  }
  if (!isLetGo) {
    const costs = sum([...outside.orders.values()].map(({ costUsd }) => costUsd));
    const spent = states.at(-1)?.money.spentUsd ?? 0;
    const unknown = lines.filter(({ status }) => status === 'submission_unknown').length;
    if (spent > costs + 1e-9 || spent < costs - unknown * 0.01 - 1e-9)
      broken.push(`${String(spent)} spent, ${String(costs)} billed`);
  }
  return broken;
}

const pauseAt = {
  InsufficientBalance: 'balance',
  Unauthenticated: 'unauthenticated',
  BudgetExceeded: 'budget',
} as const;

/** A wall fails no item and pauses for its own reason. Once a batch is cancelled nothing is ordered again, so there it is told as a failure. */
function ofWalls(script: BatchScript, { states, lines, outside: { met } }: PlayedBatch): string[] {
  const { wishes, isCancelledAfterMs, deaths, pauseAfterFailures, maxCostUsd } = script;
  const broken: string[] = [];
  const isCancelled =
    isCancelledAfterMs !== undefined || wishes.some(({ wish }) => wish === 'cancel' || wish === 'detach');
  for (const { id, status, error } of lines) {
    if (!isCancelled && error && error.type in pauseAt) broken.push(`${id} is ${status} by a wall: ${error.type}`);
  }
  const reasons = new Set(states.map(({ paused }) => paused?.reason));
  const isUndisturbed =
    wishes.length + deaths.length + pauseAfterFailures === 0 && maxCostUsd === undefined && !isCancelled;
  for (const [type, reason] of Object.entries(pauseAt)) {
    const isMet = met.has(type as keyof typeof pauseAt);
    if (reasons.has(reason) && !isMet) broken.push(`it was paused by ${reason}, and no order met that`);
    if (isUndisturbed && isMet && !reasons.has(reason)) broken.push(`${type} did not pause it`);
  }
  return broken;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

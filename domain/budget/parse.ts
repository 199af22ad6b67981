import type { InputIssue } from '../generation.ts';
import { createIssueList, type IssueList } from '../issues.ts';
import { isJsonObject } from '../json.ts';
import { unkeepableIn } from '../names.ts';
import { describe, isIntegerBetween, isMissing, isUsd, maxUsd, oneOfWords, withoutMissing } from '../request-checks.ts';
import {
  budgetPeriods,
  type BudgetRequest,
  type ReleaseMessage,
  type ReservationsQuestion,
  type ReserveMessage,
  type SetMessage,
  type Settlement,
  settlementOutcomes,
} from './budget.ts';

/** Most reservations in one message. */
export const maxPerMessage = 100;

/** Most settlements in one signal. A signal cannot be refused, and what is not read stays reserved. */
const maxSettlements = 10_000;

const maxKeyLength = 1_000;
const maxReasonLength = 1_000;
const maxReservationsTold = 1_000;
const maxCostUsd = 1e9;

/** A valid value, or the problems with it. */
export type Parsed<Value> = { ok: true; value: Value } | { ok: false; issues: InputIssue[] };

/** Checks the argument of `runcomfyBudget` without a schema library, since any service may have sent it. */
export function parseBudgetRequest(argument: unknown): Parsed<BudgetRequest> {
  return parseObject('request', argument, ['limitUsd', 'period'], (given, problems) => {
    checkLimit(given['limitUsd'], 'request.limitUsd', problems);
    const { period } = given;
    const problem = isMissing(period) ? undefined : oneOfWords(period, budgetPeriods);
    if (problem !== undefined) problems.add('request.period', problem);
    const limitUsd = given['limitUsd'] as number;
    return { limitUsd, ...(!isMissing(period) && { period: period as NonNullable<BudgetRequest['period']> }) };
  });
}

/** Checks the argument of update `set`. */
export function parseSetMessage(argument: unknown): Parsed<SetMessage> {
  return parseObject('set', argument, ['limitUsd'], ({ limitUsd }, problems) => {
    checkLimit(limitUsd, 'set.limitUsd', problems);
    return { limitUsd: limitUsd as number };
  });
}

/** Checks the argument of update `release`. */
export function parseReleaseMessage(argument: unknown): Parsed<ReleaseMessage> {
  return parseObject('release', argument, ['key', 'reason'], ({ key, reason }, problems) => {
    if (!isKey(key)) problems.add('release.key', `expected the key of an order, got ${describe(key)}`);
    if (!isText(reason, maxReasonLength)) {
      problems.add(
        'release.reason',
        `expected text of 1 to ${String(maxReasonLength)} characters, got ${describe(reason)}`,
      );
    }
    return { key: key as string, reason: reason as string };
  });
}

/** Checks the argument of update `reserve`. */
export function parseReserveMessage(argument: unknown): Parsed<ReserveMessage> {
  return parseObject('reserve', argument, ['requests'], ({ requests }, problems) => {
    if (!isListWithin(requests, maxPerMessage)) {
      problems.add('reserve.requests', `expected a list of 1 to ${String(maxPerMessage)}, got ${sizeOf(requests)}`);
      return { requests: [] };
    }
    const told = requests.map((request: unknown, index) => {
      const path = `reserve.requests[${String(index)}]`;
      const { key, priceUsd, ...rest } = isJsonObject(request) ? request : {};
      for (const field of Object.keys(rest).slice(0, 5)) problems.add(`${path}.${field}`, 'unknown field');
      // No order can have such a key, so the money would stay reserved for good.
      const problem = isKey(key) ? unkeepableIn(key) : describe(key);
      if (problem !== undefined) problems.add(`${path}.key`, `expected the key of an order, got ${problem}`);
      if (!isAmount(priceUsd)) problems.add(`${path}.priceUsd`, `expected USD from 0, got ${describe(priceUsd)}`);
      return { key: key as string, priceUsd: priceUsd as number };
    });
    return { requests: told };
  });
}

/** Reads the valid settlements of a signal; `junk` is the number of invalid ones. */
export function readSettlements(argument: unknown): { settlements: Settlement[]; junk: number } {
  const given = isJsonObject(argument) ? argument['settlements'] : undefined;
  if (!isListWithin(given, maxSettlements)) return { settlements: [], junk: 1 };
  const settlements = given.flatMap((one: unknown): Settlement[] => {
    if (!isJsonObject(one)) return [];
    const { key, outcome, costUsd, presumedUsd, grant } = one;
    const isCost = (isMissing(costUsd) || isAmount(costUsd)) && (isMissing(presumedUsd) || isAmount(presumedUsd));
    const isGrant = isMissing(grant) || isIntegerBetween(grant, 1, Number.MAX_SAFE_INTEGER);
    if (!isKey(key) || !isCost || !isGrant || oneOfWords(outcome, settlementOutcomes) !== undefined) return [];
    return [withoutMissing({ key, outcome, costUsd, presumedUsd, grant }) as Settlement];
  });
  return { settlements, junk: given.length - settlements.length };
}

/** Reads the argument of query `reservations`; invalid fields count as missing. */
export function readReservationsQuestion(argument: unknown): Required<ReservationsQuestion> {
  const { after, limit } = isJsonObject(argument) ? argument : {};
  return {
    after: typeof after === 'string' ? after : '',
    limit: isIntegerBetween(limit, 1, maxReservationsTold) ? limit : maxPerMessage,
  };
}

/** Whether a value is a valid limit: USD from 0 with at most 6 decimals. */
function isLimitUsd(value: unknown): value is number {
  return value === 0 || isUsd(value);
}

function parseObject<Value>(
  what: string,
  argument: unknown,
  fields: readonly string[],
  read: (given: Record<string, unknown>, problems: IssueList) => Value,
): Parsed<Value> {
  const problems = createIssueList();
  if (!isJsonObject(argument)) {
    problems.add(what, `expected an object { ${fields.join(', ')} }, got ${describe(argument)}`);
    return { ok: false, issues: problems.toIssues() };
  }
  for (const field of Object.keys(argument).slice(0, 20)) {
    if (!fields.includes(field)) problems.add(`${what}.${field}`, `unknown field; there are ${fields.join(', ')}`);
  }
  const value = read(argument, problems);
  const issues = problems.toIssues();
  return issues.length === 0 ? { ok: true, value } : { ok: false, issues };
}

function checkLimit(value: unknown, path: string, problems: IssueList): void {
  if (!isLimitUsd(value)) {
    problems.add(path, `expected USD from 0 to ${String(maxUsd)} with at most 6 decimals, got ${describe(value)}`);
  }
}

function isListWithin(value: unknown, most: number): value is unknown[] {
  return Array.isArray(value) && value.length > 0 && value.length <= most;
}

function sizeOf(value: unknown): string {
  return Array.isArray(value) ? `${String(value.length)} entries` : describe(value);
}

function isKey(value: unknown): value is string {
  return isText(value, maxKeyLength);
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength;
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= maxCostUsd;
}

import { ApplicationFailure, log, patched, setHandler } from '@temporalio/workflow';
import { areBooksFull, release, reserve, setLimit, settle } from '../../domain/budget/books.ts';
import type { ReservationsReply } from '../../domain/budget/budget.ts';
import { toUsd } from '../../domain/budget/money.ts';
import {
  maxPerMessage,
  type Parsed,
  parseReleaseMessage,
  parseReserveMessage,
  parseSetMessage,
  readReservationsQuestion,
  readSettlements,
} from '../../domain/budget/parse.ts';
import { boundIssues, issuesSentence } from '../../domain/issues.ts';
import { type Budget, readPresumed } from './memory.ts';
import {
  budgetStateQuery,
  closeUpdate,
  releaseUpdate,
  reservationsQuery,
  reserveUpdate,
  settleSignal,
  setUpdate,
} from './messages.ts';
import { show, showNow, showSettled, tellBudget } from './visibility.ts';

/**
 * Registers the handlers. Anyone may send messages: what cannot be understood is refused and fails no workflow task.
 */
export function listen(budget: Budget): void {
  const { books } = budget;
  setHandler(budgetStateQuery, () => tellBudget(budget));
  setHandler(reservationsQuery, (question) => tellReservations(budget, question));
  setHandler(
    reserveUpdate,
    ({ requests }) => {
      budget.updates += 1;
      const verdicts = requests.map((request) => reserve(books, request, Date.now()));
      show(budget);
      return { verdicts, limitUsd: toUsd(books.limit) };
    },
    {
      validator: (message: unknown) => {
        refuseWhenClosed(budget);
        valid(parseReserveMessage(message));
        if (areBooksFull(books)) {
          throw refusal(
            'ServiceUnavailable',
            `${String(books.open.size)} reservations are open, and there is no room for more`,
          );
        }
      },
    },
  );
  setHandler(settleSignal, (message: unknown) => {
    const { settlements, junk } = takenOf(readSettlements(message));
    const openBefore = books.open.size;
    if (junk > 0) log.warn('settlements that cannot be understood were ignored', { count: junk });
    for (const settlement of readPresumed(settlements)) settle(books, settlement, Date.now());
    showSettled(budget, openBefore);
  });
  setHandler(
    setUpdate,
    ({ limitUsd }) => {
      budget.updates += 1;
      setLimit(books, limitUsd, Date.now());
      budget.warning = undefined;
      showNow(budget);
      return tellBudget(budget);
    },
    {
      validator: (message: unknown) => {
        refuseWhenClosed(budget);
        valid(parseSetMessage(message));
      },
    },
  );
  setHandler(
    releaseUpdate,
    ({ key, reason }) => {
      budget.updates += 1;
      const released = release(books, key, Date.now());
      log.info('a reservation was released by hand', { key, reason, priceUsd: toUsd(released?.price ?? 0) });
      showNow(budget);
      return tellBudget(budget);
    },
    {
      validator: (message: unknown) => {
        refuseWhenClosed(budget);
        const { key } = valid(parseReleaseMessage(message));
        if (!books.open.has(key)) throw refusal('ReservationNotFound', `nothing is reserved for key "${key}"`);
      },
    },
  );
  setHandler(
    closeUpdate,
    () => {
      budget.isClosed = true;
      showNow(budget);
      return tellBudget(budget);
    },
    {
      validator: () => {
        refuseWhenClosed(budget);
        const { size } = books.open;
        if (size > 0)
          throw refusal('ReservationsOpen', `${String(size)} reservations are open: wait for them, or release them`);
      },
    },
  );
}

/** Histories in which long messages were ignored must ignore them in a replay as well. */
function takenOf(told: ReturnType<typeof readSettlements>): ReturnType<typeof readSettlements> {
  const isLong = told.settlements.length + told.junk > maxPerMessage;
  return isLong && !patched('long-settles-are-taken') ? { settlements: [], junk: 1 } : told;
}

function tellReservations({ books }: Budget, question: unknown): ReservationsReply {
  const { after, limit } = readReservationsQuestion(question);
  const now = Date.now();
  const rest = [...books.open.values()].filter(({ key }) => key > after).sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    reservations: rest.slice(0, limit).map(({ key, price, at }) => ({
      key,
      priceUsd: toUsd(price),
      reservedAt: new Date(at).toISOString(),
      ageMs: Math.max(0, now - at),
    })),
    more: rest.length > limit,
  };
}

function valid<Value>(parsed: Parsed<Value>): Value {
  if (parsed.ok) return parsed.value;
  throw refusal('InvalidInput', issuesSentence(parsed.issues), { issues: boundIssues(parsed.issues) });
}

function refuseWhenClosed({ isClosed, name }: Budget): void {
  if (isClosed) throw refusal('BudgetClosed', `budget "${name}" is closed`);
}

function refusal(type: string, message: string, details?: object): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true, ...(details && { details: [details] }) });
}

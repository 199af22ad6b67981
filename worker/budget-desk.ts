import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { BudgetDesk } from '../activities/budget/budget-desk.ts';
import type { ReserveReply, Settlement } from '../domain/budget/budget.ts';
import { budgetId, budgetMessageNames } from '../domain/budget/names.ts';
import { maxPerMessage } from '../domain/budget/parse.ts';
import { unheardUpdateType } from '../domain/names.ts';

/** Timeout of one call to a budget. A call that times out is repeated; a reservation keeps its update id. */
const callWithinMs = 3_000;

/**
 * Delay before a refused call is repeated. The server accepts ten updates of one workflow at a time; the random part
 * keeps refused callers from all coming back at once.
 */
const againAfterMs = () => 50 + Math.random() * 150;

/** How long a settlement is retried, even when its caller no longer waits for it. */
const settleWithinMs = 30_000;
/**
 * A settlement that names no grant is retried only while its order waits: a later order of the key may hold a grant by
 * then.
 */
const settleUnnamedWithinMs = 5_000;
const drainWithinMs = 5_000;

type Verdict = Awaited<ReturnType<BudgetDesk['reserve']>>;

interface Asked<Question, Answer> {
  question: Question;
  giveUpAt: number;
  answer: (answer: Answer) => void;
  fail: (error: unknown) => void;
}

/**
 * Batches the budget calls of all activities of a worker. Requests that arrive while a call to a budget is in flight go
 * out with the next call, so that two hundred orders at once cost three updates.
 */
export function createBudgetDesk(client: Client): BudgetDesk & { drain: () => Promise<void> } {
  const reserving = new Map<string, Counter<{ key: string; priceUsd: number }, Verdict>>();
  const settling = new Map<string, Counter<Settlement, undefined>>();
  const handleOf = (budget: string) => client.workflow.getHandle(budgetId(budget));

  async function reserveAll(budget: string, requests: { key: string; priceUsd: number }[], updateId: string) {
    const options = { args: [{ requests }] as [object], updateId };
    const update = () => handleOf(budget).executeUpdate<ReserveReply, [object]>(budgetMessageNames.reserve, options);
    const { verdicts, limitUsd } = await client.withDeadline(Date.now() + callWithinMs, update);
    return verdicts.map((verdict): Verdict => ({ ...verdict, limitUsd }));
  }

  async function settleAll(budget: string, settlements: Settlement[]) {
    const signal = () => handleOf(budget).signal(budgetMessageNames.settle, { settlements });
    await client.withDeadline(Date.now() + callWithinMs, signal);
    return settlements.map(() => undefined);
  }

  return {
    reserve(budget, request, withinMs) {
      const counter = counterOf(reserving, budget, {
        call: (requests, id) => reserveAll(budget, requests, id),
        answerWithout: 'no_budget',
      });
      return counter.ask(request, withinMs);
    },
    async settle(budget, settlement) {
      const counter = counterOf(settling, budget, {
        call: (settlements) => settleAll(budget, settlements),
        answerWithout: undefined,
        isEachAlone: true,
      });
      await counter.ask(settlement, settlement.grant === undefined ? settleUnnamedWithinMs : settleWithinMs);
    },
    async drain() {
      const idle = Promise.all([...settling.values()].map(({ whenIdle }) => whenIdle()));
      await Promise.race([idle, sleep(drainWithinMs, undefined, { ref: false })]);
    },
  };
}

interface CounterParts<Question, Answer> {
  call: (questions: Question[], id: string) => Promise<Answer[]>;
  /** The answer when the budget does not exist. */
  answerWithout: Answer;
  /**
   * Set when a repeated call may leave out questions that nobody waits for any more. Otherwise every repetition must
   * carry the same questions, because it reuses the id of the call.
   */
  isEachAlone?: true;
}

interface Counter<Question, Answer> {
  ask: (question: Question, withinMs: number) => Promise<Answer>;
  whenIdle: () => Promise<void>;
}

function counterOf<Question, Answer>(
  counters: Map<string, Counter<Question, Answer>>,
  budget: string,
  parts: CounterParts<Question, Answer>,
): Counter<Question, Answer> {
  let counter = counters.get(budget);
  if (!counter) {
    counter = createCounter(parts, () => counters.delete(budget));
    counters.set(budget, counter);
  }
  return counter;
}

/** Makes one call at a time; questions asked meanwhile go out with the next call. */
function createCounter<Question, Answer>(
  { call, answerWithout, isEachAlone }: CounterParts<Question, Answer>,
  onIdle: () => void,
): Counter<Question, Answer> {
  const waiting: Asked<Question, Answer>[] = [];
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    // Questions asked in the same tick share a call.
    await new Promise(setImmediate);
    while (waiting.length > 0) await serve(waiting.splice(0, maxPerMessage));
    working = undefined;
    onIdle();
  }

  /**
   * Repeats a call until it is answered or nobody waits for it any more. Unless `isEachAlone`, the batch must not
   * change: the server may already have taken it under the same id.
   */
  async function serve(whole: Asked<Question, Answer>[]): Promise<void> {
    const id = randomUUID();
    const isAwaited = ({ giveUpAt }: Asked<Question, Answer>) => giveUpAt > Date.now();
    for (let batch = whole; batch.some(isAwaited);) {
      if (isEachAlone) batch = batch.filter(isAwaited);
      try {
        const answers = await call(
          batch.map(({ question }) => question),
          id,
        );
        for (const [index, { answer }] of batch.entries()) answer(answers[index] ?? answerWithout);
        return;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) {
          for (const { answer } of batch) answer(answerWithout);
          return;
        }
        const refusal = error instanceof WorkflowUpdateFailedError ? (error.cause ?? error) : undefined;
        const isUnheard = refusal instanceof ApplicationFailure && refusal.type === unheardUpdateType;
        if (refusal !== undefined && !isUnheard) {
          for (const { fail } of batch) fail(refusal);
          return;
        }
        await sleep(againAfterMs());
      }
    }
  }

  return {
    ask: (question, withinMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => {
            reject(new Error(`no answer within ${String(Math.max(0, Math.round(withinMs / 1_000)))} s`));
          },
          Math.max(0, withinMs),
        );
        const done = (settle: () => void) => {
          clearTimeout(timer);
          settle();
        };
        waiting.push({
          question,
          giveUpAt: Date.now() + withinMs,
          answer: (answer) => {
            done(() => {
              resolve(answer);
            });
          },
          fail: (error) => {
            done(() => {
              reject(error instanceof Error ? error : new Error(String(error)));
            });
          },
        });
        working ??= work();
      }),
    whenIdle: () => working ?? Promise.resolve(),
  };
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { BudgetDesk } from '../activities/budget/budget-desk.ts';
import type { ReserveReply, Settlement } from '../domain/budget/budget.ts';
import { budgetId, budgetMessageNames } from '../domain/budget/names.ts';
import { maxPerMessage } from '../domain/budget/parse.ts';
import { unheardUpdateType } from '../domain/names.ts';

/** A call that is not answered by then is made again, by the name it has. */
const callWithinMs = 3_000;

/** A server takes ten updates of one workflow at a time: whoever is refused comes back soon, and not all at once. */
const againAfterMs = () => 50 + Math.random() * 150;

/** Whoever waits for a settlement may have left: it is worth the trouble all the same. */
const settleWithinMs = 30_000;
/** One that names no grant is told no longer than its order waits: a later order of the key may have one since. */
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
 * Asks budgets for all activities of a worker: whatever comes in while one call to a budget is under way goes with the next,
 * so that two hundred orders at once cost three updates.
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
  /** The answer where there is no such budget. */
  answerWithout: Answer;
  /** A call that is made again leaves out what nobody waits for any more: else it must be the same, by its id. */
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

/** One call at a time; what is asked meanwhile goes with the next. */
function createCounter<Question, Answer>(
  { call, answerWithout, isEachAlone }: CounterParts<Question, Answer>,
  onIdle: () => void,
): Counter<Question, Answer> {
  const waiting: Asked<Question, Answer>[] = [];
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    // What is asked in the same moment goes together.
    await new Promise(setImmediate);
    while (waiting.length > 0) await serve(waiting.splice(0, maxPerMessage));
    working = undefined;
    onIdle();
  }

  /** The same call until it is answered, or nobody waits for it any more: a batch that was taken must not be another one. */
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

import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { BudgetState } from '../../domain/budget/budget.ts';
import { budgetId, budgetMessageNames } from '../../domain/budget/names.ts';
import { parseReleaseMessage, parseSetMessage } from '../../domain/budget/parse.ts';
import { GenerationError } from '../errors.ts';
import { withoutHearing } from '../generation/following/standstill.ts';
import { sendUpdate } from '../generation/send-update.ts';
import { isOutOfTime } from '../grpc.ts';
import { checkBudgetName, noBudget, refuseBudget, toPlain } from './budget-errors.ts';

const takenWithinMs = 20_000;

const parsers = { set: parseSetMessage, release: parseReleaseMessage };

/** Sends a change to a budget; if the budget refuses it, the error has the budget's own message. */
export async function changeBudget(
  client: Client,
  name: string,
  change: 'set' | 'release' | 'close',
  message: object,
): Promise<BudgetState> {
  checkBudgetName(name);
  if (change !== 'close') {
    const refusal = `budget "${name}" was not changed`;
    const parsed = parsers[change](toPlain(message, refusal));
    if (!parsed.ok) throw refuseBudget(refusal, parsed.issues);
  }
  const id = budgetId(name);
  const update = { name: budgetMessageNames[change], message };
  const answeredBy = () => performance.now() + takenWithinMs;
  const reply = await sendUpdate<BudgetState>(client, id, update, { takenWithinMs, answeredBy });
  if (reply === 'unattended') throw await withoutHearing(client, id);
  if ('answer' in reply) return reply.answer;
  const { error } = reply;
  if (error instanceof WorkflowNotFoundError) throw noBudget(name, error);
  if (isOutOfTime(error)) throw await withoutHearing(client, id);
  if (!(error instanceof WorkflowUpdateFailedError)) throw error;
  const { cause = error } = error;
  throw new GenerationError({
    type: typeOf(cause),
    message: `budget "${name}": ${cause.message}`,
    key: id,
    cause: error,
  });
}

/** The error types of a budget, and those that callers see. */
const refusals: Record<string, 'InvalidInput' | 'KeyNotFound' | 'StillRunning'> = {
  InvalidInput: 'InvalidInput',
  ReservationNotFound: 'KeyNotFound',
  BudgetClosed: 'KeyNotFound',
  ReservationsOpen: 'StillRunning',
};

function typeOf(cause: Error) {
  const type = cause instanceof ApplicationFailure ? (cause.type ?? '') : '';
  return refusals[type] ?? 'ServiceUnavailable';
}

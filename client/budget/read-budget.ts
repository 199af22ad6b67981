import type { Client } from '@temporalio/client';
import type { BudgetState, OpenReservation, ReservationsReply } from '../../domain/budget/budget.ts';
import { budgetId, budgetWorkflowType } from '../../domain/budget/names.ts';
import { isJsonObject } from '../../domain/json.ts';
import { budgetStateQuery, reservationsQuery } from '../../workflows/budget/messages.ts';
import { decodePayload } from '../decode-payload.ts';
import { queryWorker } from '../generation/ask-worker.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { withoutAnswer } from '../generation/following/standstill.ts';
import { describeRun, isClosed, type RunInfo } from '../generation/run-info.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';
import { checkBudgetName, noBudget, refuseNoBudget } from './budget-errors.ts';

/** The state of a budget. */
export interface KnownBudgetState extends BudgetState {
  /**
   * No worker answered: this is the state that the budget published last. Not set for a properly closed budget, whose
   * last state is its result.
   */
  isFromServer?: true;
  /** The budget is closed, and this is its final state. */
  isClosed?: true;
  /** The run that ended with this state; set only for a closed budget. */
  runId?: string;
}

const pageSize = 1_000;

/** Queries a budget for its state; without a worker, returns the state that it published last. */
export async function readBudget(client: Client, name: string): Promise<KnownBudgetState> {
  checkBudgetName(name);
  const run = await describeBudget(client, name);
  const { runId } = run;
  const closed = isClosed(run) && ({ isClosed: true, runId } as const);
  // The end is read from the result, so that every caller gets the same one, with or without a worker.
  const end = run.status === 'completed' ? await readEnd(client, name, runId) : undefined;
  if (end) return { ...end, ...closed };
  const query = () => client.workflow.getHandle(budgetId(name), runId).query<BudgetState>(budgetStateQuery);
  const said = await queryWorker(client, budgetId(name), query);
  if (said) return { ...said, ...closed };
  const shown = await readShown(client, name, await describeBudget(client, name, runId));
  if (shown) return { ...shown, isFromServer: true, ...closed };
  throw await withoutAnswer(client, budgetId(name));
}

/** Which reservations are read. */
export interface ReservationsOptions {
  /** Only reservations whose keys sort after this one. */
  after?: string | undefined;
}

/** Every open reservation of a budget; needs a worker. */
export async function* readReservations(
  client: Client,
  name: string,
  { after: first = '' }: ReservationsOptions = {},
): AsyncGenerator<OpenReservation, void, undefined> {
  checkBudgetName(name);
  checkArgument('after', typeof first === 'string', 'text');
  await describeBudget(client, name);
  let after = first;
  for (;;) {
    const question = { after, limit: pageSize };
    const query = () =>
      client.workflow.getHandle(budgetId(name)).query<ReservationsReply, [object]>(reservationsQuery.name, question);
    const reply = await queryWorker(client, budgetId(name), query);
    if (reply === undefined) throw await withoutAnswer(client, budgetId(name));
    const { reservations, more } = reply;
    yield* reservations;
    after = reservations.at(-1)?.key ?? after;
    if (!more) return;
  }
}

async function describeBudget(client: Client, name: string, runId?: string) {
  const run = await describeRun(client, budgetId(name), runId).catch((error: unknown) => {
    throw grpcCodeOf(error) === grpcCode.notFound && !/namespace/i.test(String(error)) ? noBudget(name, error) : error;
  });
  refuseNoBudget(name, run.workflowType);
  return run;
}

/** The final state of a closed budget; undefined if its workflow returned none. */
async function readEnd(client: Client, name: string, runId: string): Promise<BudgetState | undefined> {
  const end: unknown = await client.workflow.result(budgetId(name), runId, { followRuns: false });
  return isStateOf(name, end) ? end : undefined;
}

/** The state that the budget keeps in its memo; undefined if it cannot be decoded here. */
async function readShown(client: Client, name: string, { key, memo }: RunInfo): Promise<BudgetState | undefined> {
  const shown = await decodePayload(client, memo?.[budgetWorkflowType], { workflowId: key });
  return isStateOf(name, shown) ? shown : undefined;
}

function isStateOf(name: string, told: unknown): told is BudgetState {
  return isJsonObject(told) && told['name'] === name;
}

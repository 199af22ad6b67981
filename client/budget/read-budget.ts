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

/** Where a budget stands. */
export interface KnownBudgetState extends BudgetState {
  /** No worker answered: as the budget was shown last. Not of one that was closed in good order: its last state is its result. */
  isFromServer?: true;
  /** It was closed: what it came to. */
  isClosed?: true;
  /** Of one that was closed: the run that this is the end of. */
  runId?: string;
}

const pageSize = 1_000;

/** Asks a budget where it stands; without a worker tells what it showed last. */
export async function readBudget(client: Client, name: string): Promise<KnownBudgetState> {
  checkBudgetName(name);
  const run = await describeBudget(client, name);
  const { runId } = run;
  const closed = isClosed(run) && ({ isClosed: true, runId } as const);
  // Every caller is told the same end, whether a worker is there or not.
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
  /** Only those whose keys come after this one. */
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

/** What a budget that was closed came to; undefined where its worker did not say. */
async function readEnd(client: Client, name: string, runId: string): Promise<BudgetState | undefined> {
  const end: unknown = await client.workflow.result(budgetId(name), runId, { followRuns: false });
  return isStateOf(name, end) ? end : undefined;
}

/** The state that the budget leaves in its memo; undefined where it cannot be read here. */
async function readShown(client: Client, name: string, { key, memo }: RunInfo): Promise<BudgetState | undefined> {
  const shown = await decodePayload(client, memo?.[budgetWorkflowType], { workflowId: key });
  return isStateOf(name, shown) ? shown : undefined;
}

function isStateOf(name: string, told: unknown): told is BudgetState {
  return isJsonObject(told) && told['name'] === name;
}

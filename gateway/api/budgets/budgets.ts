import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { BudgetClient, KnownBudgetState } from '../../../client/index.ts';
import { listBudgetNames, type ListedBudget, readOpenBudget } from '../../../client/operator/index.ts';
import { isBudgetName } from '../../../domain/budget/names.ts';
import { mayNameBudget } from '../../access/may-name.ts';
import { budgetNameOf, keyOfWorkflow, type Principal, workflowIdOf } from '../../access/principal.ts';
import type { budgetChange, budgetList, budgetRelease, newBudget, reservationList } from '../../contract/budget.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs, tellPatiently } from '../../generations/patiently.ts';
import type { StreamedState } from '../../http/event-stream.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { waitMsOf } from '../../http/waiting.ts';
import { ofGenerations } from '../generations/find-generation.ts';
import { readPage } from '../many/list-many.ts';
import { apiBase, type Call } from '../operation.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';
import { mustTakeEvents, type Streaming, streamStates, toStreamed, toStreamedEnd } from '../stream-states.ts';
import { tellUnlessKnown } from '../tell-unless-known.ts';

type Named<Body = unknown, Query = unknown> = Call<{ name: string }, Query, Body>;

const createMs = 20_000;
const asksOthers = true;
/** Number of budgets read concurrently for a page. */
const readAtOnce = 50;

/** Creates a budget, or finds the one with the same name, limit and period. */
export async function createBudget(
  { access, client, generations, originOf }: GatewayParts,
  { body, request, reply }: Call<unknown, unknown, z.output<typeof newBudget>>,
): Promise<KnownBudgetState> {
  const { principal } = request;
  const name = budgetNameOf(principal, body.name);
  await mayNameBudget(access, principal, name);
  const { isNew, ...state } = await patiently(client, createMs, () => generations.budgets.create({ ...body, name }), {
    asksOthers,
  });
  if (!isNew) reply.header('idempotent-replayed', 'true');
  else reply.code(201).header('location', `${originOf(request)}${apiBase}/budgets/${encodeURIComponent(body.name)}`);
  return inOwnName(principal, state);
}

/** A page of a principal's open budgets. */
export async function listBudgets(
  { client }: GatewayParts,
  { query, request }: Call<unknown, { limit: number; pageToken?: string | undefined }, unknown>,
): Promise<z.output<typeof budgetList>> {
  const { principal } = request;
  const { limit, pageToken: given } = query;
  const namePrefix = budgetNameOf(principal, '');
  const boundTo = ['budgets', namePrefix];
  const pageToken = given === undefined ? undefined : fromPageToken(given, ...boundTo);
  const list = () => listBudgetNames(client, { namePrefix }, { limit, pageToken });
  const { rows: names, nextPageToken } = await readPage(() => patiently(client, readPatienceMs, list), given);
  const readOpen = (name: string) =>
    patiently(client, readPatienceMs, () => readOpenBudget(client, name), { asksOthers });
  const budgets: ListedBudget[] = [];
  for (let at = 0; at < names.length; at += readAtOnce) {
    const states = await Promise.all(names.slice(at, at + readAtOnce).map(readOpen));
    budgets.push(...states.flatMap((state) => (state === undefined ? [] : [inOwnName(principal, state)])));
  }
  return { budgets, ...(nextPageToken !== undefined && { nextPageToken: toPageToken(nextPageToken, ...boundTo) }) };
}

/** The state of a budget; waits for a change if the caller has the current state. */
export async function getBudget(
  parts: GatewayParts,
  stopping: AbortSignal,
  call: Named<unknown, { wait?: string | undefined }>,
): Promise<KnownBudgetState | undefined> {
  const { params, query, request } = call;
  const { principal } = request;
  const name = nameIn(principal, params.name);
  const waitMs = waitMsOf(request, query);
  return await ofGenerations(async () =>
    tellUnlessKnown(
      call,
      { now: await stateNow(parts, name), waitMs, stopping },
      {
        isEnd: isClosed,
        toBody: (state) => inOwnName(principal, state),
        follow: (signal) => parts.watchers.budgets.follow(name, signal),
      },
    ),
  );
}

/** Streams the states of a budget. */
export async function streamBudget(
  parts: GatewayParts,
  stopping: AbortSignal,
  call: Streaming<{ name: string }>,
): Promise<FastifyReply> {
  mustTakeEvents(call);
  const { principal } = call.request;
  const name = nameIn(principal, call.params.name);
  const toState = (state: KnownBudgetState): StreamedState => {
    const body = inOwnName(principal, state);
    return isClosed(state) ? toStreamedEnd(state.runId ?? state.name, body) : toStreamed(body);
  };
  const now = toState(await ofGenerations(() => stateNow(parts, name)));
  return streamStates(parts, stopping, call, now, async function* (signal) {
    for await (const state of parts.watchers.budgets.follow(name, signal)) yield toState(state);
  });
}

/** Open reservations, by key. */
export async function listReservations(
  { client, generations }: GatewayParts,
  { params, query, request }: Named<unknown, { limit: number; pageToken?: string | undefined }>,
): Promise<z.output<typeof reservationList>> {
  const { principal } = request;
  const { limit, pageToken } = query;
  const name = nameIn(principal, params.name);
  const prefix = workflowIdOf(principal, '');
  const boundTo = ['reservations', name, prefix];
  const after = pageToken === undefined ? undefined : textOf(fromPageToken(pageToken, ...boundTo));
  return await ofGenerations(async () => {
    const reservations: z.output<typeof reservationList>['reservations'] = [];
    let last = '';
    const all = () => generations.budgets.reservations(name, after === undefined ? {} : { after });
    for await (const one of patientlyEach(client, all)) {
      // An all-tenants caller may have named this budget in orders of others.
      if (!one.key.startsWith(prefix)) continue;
      if (reservations.length === limit) return { reservations, nextPageToken: toPageToken(base64(last), ...boundTo) };
      reservations.push({ ...one, key: keyOfWorkflow(principal, one.key) });
      last = one.key;
    }
    return { reservations };
  });
}

/** Sets another limit. */
export function setBudget(
  parts: GatewayParts,
  { params, body, request }: Named<z.output<typeof budgetChange>>,
): Promise<KnownBudgetState> {
  return changed(parts, request.principal, params.name, (budgets, name) => budgets.set(name, body));
}

/** Releases the reservation of an order, on a person's word that it will never be billed. */
export function releaseReservation(
  parts: GatewayParts,
  { params, body, request }: Named<z.output<typeof budgetRelease>>,
): Promise<KnownBudgetState> {
  const { principal } = request;
  const key = workflowIdOf(principal, body.key);
  return changed(parts, principal, params.name, (budgets, name) => budgets.release(name, key, body.reason));
}

/** Closes a budget. */
export function closeBudget(parts: GatewayParts, { params, request }: Named): Promise<KnownBudgetState> {
  return changed(parts, request.principal, params.name, async (budgets, name) => ({
    ...(await budgets.close(name)),
    isClosed: true,
  }));
}

async function changed(
  { client, generations }: GatewayParts,
  principal: Principal,
  given: string,
  change: (budgets: BudgetClient, name: string) => Promise<KnownBudgetState>,
): Promise<KnownBudgetState> {
  const name = nameIn(principal, given);
  const tell = () => change(generations.budgets, name);
  return inOwnName(principal, await ofGenerations(() => tellPatiently(client, tell)));
}

/** The full name of a budget in a path; an impossible name is answered like an unknown one. */
function nameIn(principal: Principal, given: string): string {
  const name = budgetNameOf(principal, given);
  if (given !== '' && isBudgetName(name)) return name;
  throw new RefusalError('KeyNotFound', 'no such budget');
}

function stateNow({ client, generations }: GatewayParts, name: string): Promise<KnownBudgetState> {
  return patiently(client, readPatienceMs, () => generations.budgets.state(name), { asksOthers });
}

function isClosed(state: KnownBudgetState): boolean {
  return state.isClosed === true;
}

function inOwnName<State extends { name: string }>(principal: Principal, state: State): State {
  return { ...state, name: state.name.slice(budgetNameOf(principal, '').length) };
}

/** Reads a list; only its start is retried while Temporal is away. */
async function* patientlyEach<One>(
  client: GatewayParts['client'],
  open: () => AsyncIterable<One>,
): AsyncGenerator<One, void, undefined> {
  const begin = async () => {
    const rows = open()[Symbol.asyncIterator]();
    return { all: rows, first: await rows.next() };
  };
  const { all, first } = await patiently(client, readPatienceMs, begin, { asksOthers });
  for (let next = first; !next.done; next = await all.next()) yield next.value;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function textOf(token: string): string {
  return Buffer.from(token, 'base64').toString();
}

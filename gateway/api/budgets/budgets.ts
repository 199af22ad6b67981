import type { z } from 'zod';
import type { KnownBudgetState } from '../../../client/index.ts';
import { isBudgetName } from '../../../domain/budget/names.ts';
import { budgetNameOf, keyOfWorkflow, type Principal, workflowIdOf } from '../../access/principal.ts';
import type { budgetChange, budgetRelease, newBudget, reservationList } from '../../contract/budget.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import { entityTag, matchesTag } from '../../http/entity-tag.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { ofGenerations } from '../generations/find-generation.ts';
import { apiBase, type Call } from '../operation.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';

type Named<Body = unknown, Query = unknown> = Call<{ name: string }, Query, Body>;

const createMs = 20_000;
const asksOthers = true;

/** Creates a budget, or finds the one that has the same name, limit and period. */
export async function createBudget(
  { client, generations, originOf }: GatewayParts,
  { body, request, reply }: Call<unknown, unknown, z.output<typeof newBudget>>,
): Promise<KnownBudgetState> {
  const { principal } = request;
  const name = budgetNameOf(principal, body.name);
  const { isNew, ...state } = await patiently(client, createMs, () => generations.budgets.create({ ...body, name }), {
    asksOthers,
  });
  if (!isNew) reply.header('idempotent-replayed', 'true');
  else reply.code(201).header('location', `${originOf(request)}${apiBase}/budgets/${encodeURIComponent(body.name)}`);
  return inOwnName(principal, state);
}

/** A principal's budgets that are open. */
export async function listBudgets(
  { client, generations }: GatewayParts,
  { query, request }: Call<unknown, { limit: number }, unknown>,
): Promise<object> {
  const { principal } = request;
  const prefix = budgetNameOf(principal, '');
  const list = async () => {
    const found: KnownBudgetState[] = [];
    for await (const state of generations.budgets.list(prefix === '' ? {} : { namePrefix: prefix })) {
      found.push(inOwnName(principal, state));
      if (found.length >= query.limit) break;
    }
    return found;
  };
  return { budgets: await patiently(client, readPatienceMs, list, { asksOthers }) };
}

/** Where a budget stands. */
export async function getBudget(
  { client, generations }: GatewayParts,
  { params, request, reply }: Named,
): Promise<KnownBudgetState | undefined> {
  const { principal, headers } = request;
  const name = nameIn(principal, params.name);
  const read = () => generations.budgets.state(name);
  const state = await ofGenerations(() => patiently(client, readPatienceMs, read, { asksOthers }));
  const body = inOwnName(principal, state);
  const tag = entityTag(body);
  reply.header('etag', tag);
  if (!matchesTag(headers['if-none-match'], tag)) return body;
  reply.code(304);
  return undefined;
}

/** What is set aside, by key. */
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
      // Whoever acts for all tenants may have named this budget for orders of others.
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
  { generations }: GatewayParts,
  { params, body, request }: Named<z.output<typeof budgetChange>>,
): Promise<KnownBudgetState> {
  return changed(request.principal, params.name, (name) => generations.budgets.set(name, body));
}

/** Frees what is set aside for an order, on a person's word that it will never be billed. */
export function releaseReservation(
  { generations }: GatewayParts,
  { params, body, request }: Named<z.output<typeof budgetRelease>>,
): Promise<KnownBudgetState> {
  const { principal } = request;
  const key = workflowIdOf(principal, body.key);
  return changed(principal, params.name, (name) => generations.budgets.release(name, key, body.reason));
}

/** Ends a budget. */
export function closeBudget({ generations }: GatewayParts, { params, request }: Named): Promise<KnownBudgetState> {
  return changed(request.principal, params.name, async (name) => ({
    ...(await generations.budgets.close(name)),
    isClosed: true,
  }));
}

async function changed(
  principal: Principal,
  given: string,
  change: (name: string) => Promise<KnownBudgetState>,
): Promise<KnownBudgetState> {
  const name = nameIn(principal, given);
  return inOwnName(principal, await ofGenerations(() => change(name)));
}

/** The full name of a budget that a path names; what cannot be one is nobody's. */
function nameIn(principal: Principal, given: string): string {
  const name = budgetNameOf(principal, given);
  if (given !== '' && isBudgetName(name)) return name;
  throw new RefusalError('KeyNotFound', 'no such budget');
}

function inOwnName(principal: Principal, state: KnownBudgetState): KnownBudgetState {
  return { ...state, name: state.name.slice(budgetNameOf(principal, '').length) };
}

/** What a list has from its start, once Temporal answers at all. */
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

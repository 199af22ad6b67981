import { z } from 'zod';
import { countBudgets } from '../../../client/operator/index.ts';
import { budgetNameOf } from '../../access/principal.ts';
import { budget, budgetChange, budgetList, budgetRelease, newBudget, reservationList } from '../../contract/budget.ts';
import { budgetCounts } from '../../contract/many-counts.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import type { RouteAdder } from '../../http/route-adder.ts';
import { createCounts } from '../counts.ts';
import { paging } from '../many/list-many.ts';
import { addOperation } from '../operation.ts';
import { streamFields } from '../stream-states.ts';
import { ifNoneMatch, preferring, waiting } from '../waiting-parameters.ts';
import {
  closeBudget,
  createBudget,
  getBudget,
  listBudgets,
  listReservations,
  releaseReservation,
  setBudget,
  streamBudget,
} from './budgets.ts';

const aboutName = z.object({ name: z.string().meta({ description: 'As orders name it', examples: ['spring'] }) });
const limit = z.coerce.number().int().min(1);

/** Adds the operations on budgets. */
export function addBudgets(routes: RouteAdder, parts: GatewayParts, stopping: AbortSignal): void {
  addOperation(routes, {
    id: 'createBudget',
    method: 'POST',
    url: '/budgets',
    scope: 'admin',
    summary: 'Create a limit of money that orders can name.',
    body: newBudget,
    answers: {
      201: { description: 'It was created.', schema: budget, headers: { Location: 'Where the budget is read.' } },
      200: { description: 'There was one like it.', schema: budget, headers: { 'Idempotent-Replayed': '`true`' } },
    },
    problems: ['KeyInUse', 'StillRunning', 'NoWorker'],
    handle: (call) => createBudget(parts, call),
  });
  addOperation(routes, {
    id: 'listBudgets',
    method: 'GET',
    url: '/budgets',
    scope: 'read',
    summary: 'The budgets that are open, as they stand now.',
    query: z.strictObject({ ...paging, limit: limit.max(200).default(200) }),
    answers: { 200: { description: 'A page of them.', schema: budgetList } },
    problems: [],
    handle: (call) => listBudgets(parts, call),
  });
  addOperation(routes, {
    id: 'countBudgets',
    method: 'GET',
    // Not below `/budgets`, where it would be taken for a name.
    url: '/budget-counts',
    scope: 'read',
    summary: 'How many budgets are open, at most 5 s ago.',
    answers: { 200: { description: 'Their number.', schema: budgetCounts } },
    problems: [],
    handle: createCounts(
      parts,
      (client, { keyPrefix }) => countBudgets(client, { namePrefix: keyPrefix }),
      budgetNameOf,
    ),
  });
  addOperation(routes, {
    id: 'getBudget',
    method: 'GET',
    url: '/budgets/:name',
    scope: 'read',
    summary: 'Where a budget stands.',
    params: aboutName,
    query: waiting,
    headers: preferring.extend(ifNoneMatch),
    answers: {
      200: { description: 'The budget.', schema: budget, headers: { ETag: 'Names this very state.' } },
      304: { description: 'Nothing has changed.' },
    },
    problems: ['KeyNotFound', 'NoWorker'],
    handle: (call) => getBudget(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'listReservations',
    method: 'GET',
    url: '/budgets/:name/reservations',
    scope: 'read',
    summary: 'What is set aside for orders that are not settled, by key.',
    params: aboutName,
    query: z.strictObject({ limit: limit.max(1_000).default(100), pageToken: z.exactOptional(z.string().max(4_096)) }),
    answers: { 200: { description: 'A page.', schema: reservationList } },
    problems: ['KeyNotFound', 'NoWorker'],
    handle: (call) => listReservations(parts, call),
  });
  addOperation(routes, {
    id: 'setBudget',
    method: 'POST',
    url: '/budgets/:name/set',
    scope: 'admin',
    summary: 'Set another limit, also one below what is spent.',
    params: aboutName,
    body: budgetChange,
    answers: { 200: { description: 'The budget as it stands then.', schema: budget } },
    problems: ['KeyNotFound', 'NoWorker', 'ServiceUnavailable'],
    handle: (call) => setBudget(parts, call),
  });
  addOperation(routes, {
    id: 'releaseReservation',
    method: 'POST',
    url: '/budgets/:name/release',
    scope: 'admin',
    summary: "Free what is set aside for an order, on a person's word that it will never be billed.",
    params: aboutName,
    body: budgetRelease,
    answers: { 200: { description: 'The budget as it stands then.', schema: budget } },
    problems: ['KeyNotFound', 'NoWorker', 'ServiceUnavailable'],
    handle: (call) => releaseReservation(parts, call),
  });
  addOperation(routes, {
    id: 'closeBudget',
    method: 'POST',
    url: '/budgets/:name/close',
    scope: 'admin',
    summary: 'End a budget: orders that name it are refused from then on.',
    params: aboutName,
    answers: { 200: { description: 'What it came to.', schema: budget } },
    problems: ['KeyNotFound', 'StillRunning', 'NoWorker', 'ServiceUnavailable'],
    handle: (call) => closeBudget(parts, call),
  });
  addOperation(routes, {
    id: 'streamBudget',
    method: 'GET',
    url: '/budgets/:name/events',
    scope: 'read',
    summary: 'Server-Sent Events: every state as it comes, and `end` once it is closed.',
    params: aboutName,
    ...streamFields,
    problems: ['KeyNotFound', 'NotAcceptable', 'NoWorker'],
    handle: (call) => streamBudget(parts, stopping, call),
  });
}

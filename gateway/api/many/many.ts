import { WorkflowFailedError } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import {
  type FailureType,
  failureTypes,
  type GenerationError,
  isGenerationError,
  type WaitOptions,
} from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow, type Principal, tenantOfKey } from '../../access/principal.ts';
import type { Watcher } from '../../following/create-watcher.ts';
import type { SeenState, Watchers } from '../../following/watchers.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { cancelFound, type CancelTiming, type PatientCancel } from '../../generations/cancel-patiently.ts';
import { isPassing, patiently, readPatienceMs, tellPatiently } from '../../generations/patiently.ts';
import { EndedError } from '../ended-error.ts';
import { ofGenerations, workflowIdIn } from '../generations/find-generation.ts';
import { inOwnWords } from '../own-words.ts';

/** The methods that handles of pipelines and of batches share. */
export interface ManyHandle<State, Result> {
  key: string;
  state: () => Promise<State>;
  isEnded: () => Promise<boolean>;
  result: (options?: WaitOptions) => Promise<Result>;
}

/** How pipelines or batches, which both have many orders, appear in our API. */
export interface Many<Handle extends ManyHandle<State, Result>, State, Result, Body extends object> {
  find: (parts: GatewayParts, workflowId: string) => Promise<Handle>;
  watcher: (watchers: Watchers) => Watcher<SeenState<State>>;
  isEnd: (state: State) => boolean;
  /** The body, with keys and budgets by their full names. */
  toBody: (seen: SeenState<State>) => Body;
}

/**
 * Runs a call with the handle of a caller's workflow; a workflow of another kind under the key is answered like an
 * unknown key.
 */
export async function withMany<Handle extends ManyHandle<State, Result>, State, Result, Body extends object, Done>(
  { find }: Many<Handle, State, Result, Body>,
  parts: GatewayParts,
  { principal }: FastifyRequest,
  key: string,
  act: (handle: Handle) => Promise<Done>,
): Promise<Done> {
  const workflowId = workflowIdIn(principal, key);
  return await ofGenerations(async () =>
    act(await patiently(parts.client, readPatienceMs, () => find(parts, workflowId))),
  );
}

/** Sends a message to a caller's workflow; it is received once, however long Temporal is away or busy. */
export function tellMany<Handle extends ManyHandle<State, Result>, State, Result, Body extends object, Done>(
  many: Many<Handle, State, Result, Body>,
  parts: GatewayParts,
  request: FastifyRequest,
  key: string,
  tell: (handle: Handle) => Promise<Done>,
): Promise<Done> {
  return withMany(many, parts, request, key, (handle) => tellPatiently(parts.client, () => tell(handle)));
}

/** Cancels a caller's workflow, with the same timing as a generation. */
export async function cancelMany<Handle extends ManyHandle<State, Result>, State, Result, Body extends object, Done>(
  { find }: Many<Handle, State, Result, Body>,
  parts: GatewayParts,
  { principal }: FastifyRequest,
  key: string,
  listening: PatientCancel,
  cancel: (handle: Handle, timing: CancelTiming) => Promise<Done>,
): Promise<Done> {
  const workflowId = workflowIdIn(principal, key);
  return await ofGenerations(() =>
    cancelFound(parts.client, listening, { find: () => find(parts, workflowId), cancel }),
  );
}

/** A state in the format of our API, for a principal. */
export function bodyOf<Handle extends ManyHandle<State, Result>, State, Result, Body extends object>(
  { toBody }: Many<Handle, State, Result, Body>,
  principal: Principal,
  seen: SeenState<State>,
): Body {
  const tenant = tenantOfKey(principal, seen.key);
  return inOwnWords(principal, { ...toBody(seen), ...(tenant !== undefined && { tenant }) }, seen.key);
}

/**
 * The current state; waits while the workflow is busy or Temporal is away. If Temporal stays away, uses what is known
 * without it.
 */
export async function seenNow<State>(
  { client }: GatewayParts,
  { key, state }: ManyHandle<State, unknown>,
  known: () => State | undefined = () => undefined,
): Promise<SeenState<State>> {
  try {
    return { key, state: await patiently(client, readPatienceMs, state, { asksOthers: true }) };
  } catch (error) {
    const atLeast = isPassing(error) ? known() : undefined;
    if (atLeast === undefined) throw error;
    return { key, state: atLeast };
  }
}

/** The end of a workflow, as its handle reported it. */
export type EndOfMany<Result> = { result: Result } | { type: FailureType; error: GenerationError };

/** Waits for the end, with or without a result; undefined if the signal comes first. */
export async function untilItEnds<Result>(
  handle: ManyHandle<unknown, Result>,
  signal: AbortSignal,
): Promise<EndOfMany<Result> | undefined> {
  try {
    return { result: await handle.result({ signal }) };
  } catch (error) {
    const end = endOf(error);
    if (!signal.aborted && end === undefined) throw error;
    return end;
  }
}

/**
 * The error for a workflow that ended without a result; undefined for errors that only kept the end from being read.
 */
export function endOfMany(principal: Principal, error: unknown, workflowId: string): EndedError | undefined {
  const end = endOf(error);
  if (end === undefined) return undefined;
  const { message, issues, submission, requestId } = end.error;
  const details = withoutUndefined({ issues, submission, requestId });
  const told = inOwnWords(principal, { type: end.type, message, details }, workflowId, ...keysOf(end.error.pipeline));
  return new EndedError(keyOfWorkflow(principal, workflowId), told, end.error.pipeline?.cancel?.outcome);
}

function endOf(error: unknown) {
  if (!isGenerationError(error) || !(error.cause instanceof WorkflowFailedError)) return undefined;
  const type = failureTypes.find((one) => one === error.type);
  return type && { type, error };
}

function keysOf(pipeline: { steps?: Record<string, { key?: string }> } | undefined): string[] {
  return Object.values(pipeline?.steps ?? {}).flatMap(({ key }) => (key === undefined ? [] : [key]));
}

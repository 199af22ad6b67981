import { AsyncLocalStorage } from 'node:async_hooks';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { GenerationError } from '../errors.ts';
import { placesOfCall } from './one-call.ts';
import { isGone } from './original-request.ts';
import { describeKnown, describeRun, type FoundRun } from './run-info.ts';

/** The chain that messages go to: a run and the runs that continue it. */
interface Chain extends FoundRun {
  firstRunId: string;
}

const chains = new AsyncLocalStorage<Chain>();

/**
 * Runs a call whose messages to the key all go to the chain of the run that was found, and never to a later one of the
 * key.
 */
export function toChainOf<T>({ key, runId, firstRunId }: FoundRun, call: () => Promise<T>): Promise<T> {
  return firstRunId === undefined ? call() : chains.run({ key, runId, firstRunId }, call);
}

/**
 * The chain that messages to a key go to; undefined means the key's newest run. A repeated call keeps the chain that it
 * finds first, so that all of its attempts mean the same run.
 */
export async function chainOf(client: Client, key: string): Promise<Chain | undefined> {
  const given = chains.getStore();
  if (given?.key === key) return given;
  const places = placesOfCall();
  if (places === undefined) return undefined;
  // If the key has no run, sending the message will report it.
  const found = places.get(key) ?? (await describeKnown(client, key));
  if (found === undefined) return undefined;
  places.set(key, found);
  const { runId, firstRunId } = found;
  return firstRunId === undefined ? undefined : { key, runId, firstRunId };
}

function ignoreGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

/** Signals a chain. Temporal accepts a signal for a single run, which may have been continued as new meanwhile. */
export async function signalChain(client: Client, key: string, name: string, message: object): Promise<void> {
  const chain = await chainOf(client, key);
  for (let runId = chain?.runId; ;) {
    try {
      await client.workflow.getHandle(key, runId).signal(name, message);
      return;
    } catch (error) {
      if (chain === undefined || !(error instanceof WorkflowNotFoundError)) throw error;
      const newest = await describeRun(client, key);
      if (newest.runId === runId || newest.firstRunId !== chain.firstRunId) throw error;
      ({ runId } = newest);
    }
  }
}

/**
 * The last run of the chain that messages to a key go to, if a later chain has the key now, as far as Temporal still
 * keeps it.
 */
export async function supersededRun(client: Client, key: string): Promise<string | undefined> {
  const chain = await chainOf(client, key);
  if (chain === undefined) return undefined;
  const newest = await describeKnown(client, key);
  if (newest === undefined || newest.firstRunId === chain.firstRunId) return undefined;
  for (let { runId } = chain; ;) {
    const next = await continuedBy(client, key, runId).catch(ignoreGone);
    if (!next) return runId;
    runId = next;
  }
}

/**
 * Reads the end of a workflow that could not be cancelled any more. `runId` is set if a later run has the key now; then
 * a missing run is reported as `KeyNotFound`.
 */
export async function readEndOf<State>(
  noun: string,
  { key, runId }: { key: string; runId: string | undefined },
  read: () => Promise<State>,
): Promise<State> {
  try {
    return await read();
  } catch (error) {
    if (runId === undefined || !isGone(error)) throw error;
    const message = `nothing is left to cancel: the ${noun} "${key}" that was meant has ended, and Temporal keeps no longer how; a later one has the key`;
    throw new GenerationError({ type: 'KeyNotFound', message, key, cause: error });
  }
}

async function continuedBy(client: Client, key: string, runId: string): Promise<string | null | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId: key, runId },
    historyEventFilterType: closeEvent,
  });
  return history?.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
}

/** Reads only the closing event of a history; the number is Temporal's on the wire. */
const closeEvent = 2;

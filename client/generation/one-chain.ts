import { AsyncLocalStorage } from 'node:async_hooks';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { GenerationError } from '../errors.ts';
import { placesOfCall } from './one-call.ts';
import { isGone } from './original-request.ts';
import { describeKnown, describeRun, type FoundRun } from './run-info.ts';

/** Where messages go: to this run and those that continue it. */
interface Chain extends FoundRun {
  firstRunId: string;
}

const chains = new AsyncLocalStorage<Chain>();

/** Carries out a call all of whose messages to the key go to the run that was found, and never to a later one of the key. */
export function toChainOf<T>({ key, runId, firstRunId }: FoundRun, call: () => Promise<T>): Promise<T> {
  return firstRunId === undefined ? call() : chains.run({ key, runId, firstRunId }, call);
}

/**
 * Where messages to a key go; undefined: to whatever is its newest run. What a repeated call finds first it keeps, as what
 * its attempts say is meant for one run.
 */
export async function chainOf(client: Client, key: string): Promise<Chain | undefined> {
  const given = chains.getStore();
  if (given?.key === key) return given;
  const places = placesOfCall();
  if (places === undefined) return undefined;
  // The message itself will be told where nobody is there.
  const found = places.get(key) ?? (await describeKnown(client, key));
  if (found === undefined) return undefined;
  places.set(key, found);
  const { runId, firstRunId } = found;
  return firstRunId === undefined ? undefined : { key, runId, firstRunId };
}

function ignoreGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

/** Signals a chain: Temporal takes a signal for one run, which may have been continued as new since. */
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
 * The last run of the chain that messages to a key go to, as far as Temporal still keeps it, where a later one has the key
 * since.
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

/** Reads how what could not be cancelled any more had ended; `runId` where a later run has the key since. */
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

/** Of a history only how it ended, as Temporal numbers it on the wire. */
const closeEvent = 2;

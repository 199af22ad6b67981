import {
  ApplicationFailure,
  type Client,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { unheardUpdateType } from '../../domain/names.ts';
import { withSignal } from '../with-signal.ts';
import { askWorker } from './ask-worker.ts';
import { noteSent, updateOfCall } from './one-call.ts';
import { chainOf } from './one-chain.ts';

/** Timeout, in milliseconds, once the signal is aborted. */
const lastMs = 1_000;
/** Timeout for a stored answer, in milliseconds: Temporal has it at hand, no worker is needed. */
const answeredBeforeMs = 3_000;

/** Most tries at an update that a worker took without passing it on to the workflow. */
const maxTries = 3;

/** A message to a workflow, and the name of its update. */
export interface Message {
  name: string;
  message: object;
  /** The same message is the same update, whoever sends it: it has one answer for the lifetime of the run. */
  isSameOfAll?: boolean;
}

/** The outcome of an update; `isTaken`: it failed after a worker had taken it. */
export type UpdateAnswer<Reply> = { answer: Reply } | { error: unknown; isTaken: boolean } | 'unattended';

/** How long to wait for an update. */
export interface UpdatePatience {
  /** Milliseconds until a worker has taken it. */
  takenWithinMs: number;
  /** When to give up on the workflow's answer, by `performance.now()`; called once a worker has taken the update. */
  answeredBy: () => number;
  /** Ends both waits early, as if their time was up. */
  signal?: AbortSignal | undefined;
}

/**
 * Sends an update, which a worker has to take and the workflow answers in its own time. Repeated within one call, it is
 * the same update to Temporal and gets the same answer; a later run of the key does not receive it.
 */
export async function sendUpdate<Reply>(
  client: Client,
  key: string,
  message: Message,
  patience: UpdatePatience,
): Promise<UpdateAnswer<Reply>> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const reply = await sendOnce<Reply>(client, key, message, patience);
    if (reply === 'unattended' || !('error' in reply) || !isUnheard(reply.error)) return reply;
  }
  return 'unattended';
}

/**
 * Whether a worker took the update's task without telling the workflow of it, as happens if a query had replayed the
 * history that far already.
 */
function isUnheard(error: unknown): boolean {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === unheardUpdateType;
}

async function sendOnce<Reply>(
  client: Client,
  key: string,
  { name, message, isSameOfAll }: Message,
  { takenWithinMs, answeredBy, signal }: UpdatePatience,
): Promise<UpdateAnswer<Reply>> {
  const chain = await chainOf(client, key);
  // Not bound to the run id, as the run may have been continued as new meanwhile.
  const handle = client.workflow.getHandle(key, undefined, chain && { firstExecutionRunId: chain.firstRunId });
  // A call does not notice a signal that was aborted before it began.
  const over = signal ?? new AbortController().signal;
  const within = (ms: number) => (over.aborted ? Math.min(ms, lastMs) : ms);
  const { updateId, isRepeated } = updateOfCall(key, name, message, isSameOfAll);
  noteSent(updateId);
  const options = { args: [message] as [object], updateId };
  const taken = await askWorker(
    client,
    key,
    () => handle.startUpdate<Reply, [object]>(name, { ...options, waitForStage: 'ACCEPTED' }),
    { timeoutMs: within(takenWithinMs), signal: over },
  );
  if (taken === 'unattended') return taken;
  if ('error' in taken) {
    const { error } = taken;
    const isOver = isRepeated && error instanceof WorkflowNotFoundError;
    return (isOver && (await answeredBefore<Reply>(client, handle, updateId))) || { error, isTaken: false };
  }
  return await withSignal(client, over, () => {
    const leftMs = Math.round(within(answeredBy() - performance.now()));
    return client.withDeadline(Date.now() + leftMs, () => taken.answer.result());
  }).then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error, isTaken: true }),
  );
}

/**
 * The stored answer to the same update of a workflow that has ended since, for a repeated call whose first answer was
 * lost.
 */
async function answeredBefore<Reply>(
  client: Client,
  handle: WorkflowHandle,
  updateId: string,
): Promise<UpdateAnswer<Reply> | undefined> {
  try {
    const ask = () => handle.getUpdateHandle<Reply>(updateId).result();
    return { answer: await client.withDeadline(Date.now() + answeredBeforeMs, ask) };
  } catch (error) {
    return error instanceof WorkflowUpdateFailedError ? { error, isTaken: true } : undefined;
  }
}

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

/** Where nothing is to be waited for any more. */
const lastMs = 1_000;
/** What was answered before is kept by Temporal itself. */
const answeredBeforeMs = 3_000;

/** What a worker did not hear is sent again so often at most. */
const maxTries = 3;

/** A message to a workflow, and the name of its update. */
export interface Message {
  name: string;
  message: object;
  /** The same message is the same update, whoever sends it: it has one answer for as long as the run lives. */
  isSameOfAll?: boolean;
}

/** What came of an update; `isTaken`: a worker had it when it failed. */
export type UpdateAnswer<Reply> = { answer: Reply } | { error: unknown; isTaken: boolean } | 'unattended';

/** How long an update is waited for. */
export interface UpdatePatience {
  /** Until a worker has taken it, milliseconds. */
  takenWithinMs: number;
  /** Until the workflow has answered what a worker took, by `performance.now()`; asked once it is taken. */
  answeredBy: () => number;
  /** Ends the waiting for both sooner, as if time was up. */
  signal?: AbortSignal | undefined;
}

/**
 * Sends an update that a worker has to take and the workflow answers in its own time. One that is repeated within one call
 * is the same to Temporal, and has the same answer; no later run of the key hears it.
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

/** The worker had the task of the update and told the workflow nothing of it, as where a query had read all of that ahead. */
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
  // Without the run: it may have been continued as new since.
  const handle = client.workflow.getHandle(key, undefined, chain && { firstExecutionRunId: chain.firstRunId });
  // Calls do not see a signal that was aborted before.
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

/** What a workflow that has ended since said to the same update, where only its answer was lost. */
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

import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { withSignal } from '../with-signal.ts';
import { askWorker } from './ask-worker.ts';

/** Where nothing is to be waited for any more. */
const lastMs = 1_000;

/** What came of an update; `isTaken`: a worker had it when it failed. */
export type UpdateAnswer<Reply> = { answer: Reply } | { error: unknown; isTaken: boolean } | 'unattended';

/** How long an update is waited for. */
export interface UpdatePatience {
  /** Until a worker has taken it, milliseconds. */
  takenWithinMs: number;
  /** Until the workflow has answered what a worker took, epoch ms; asked once it is taken. */
  answeredBy: () => number;
  /** Ends the waiting for both sooner, as if time was up. */
  signal?: AbortSignal | undefined;
}

/** Sends an update that a worker has to take and the workflow answers in its own time. */
export async function sendUpdate<Reply>(
  client: Client,
  key: string,
  { name, message }: { name: string; message: object },
  { takenWithinMs, answeredBy, signal }: UpdatePatience,
): Promise<UpdateAnswer<Reply>> {
  const handle = client.workflow.getHandle(key);
  // Calls do not see a signal that was aborted before.
  const over = signal ?? new AbortController().signal;
  const within = (ms: number) => (over.aborted ? Math.min(ms, lastMs) : ms);
  const options = { args: [message] as [object], updateId: `${name}-${randomUUID()}` };
  const taken = await askWorker(
    client,
    key,
    () => handle.startUpdate<Reply, [object]>(name, { ...options, waitForStage: 'ACCEPTED' }),
    { timeoutMs: within(takenWithinMs), signal: over },
  );
  if (taken === 'unattended') return taken;
  if ('error' in taken) return { ...taken, isTaken: false };
  return await withSignal(client, over, () => {
    const now = Date.now();
    return client.withDeadline(now + within(answeredBy() - now), () => taken.answer.result());
  }).then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error, isTaken: true }),
  );
}

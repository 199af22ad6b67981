import type { Client } from '@temporalio/client';
import { ActivityCancelledError, WorkflowNotFoundError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { KeptRequestId } from '../activities/index.ts';
import { messageNames } from '../domain/names.ts';
import type { RequestSpool, SpooledRequest } from './request-spool.ts';

const acknowledgeWithinMs = 5_000;
const retryEveryMs = 5_000;

/** Sees to it that an accepted request id reaches its workflow, whatever becomes of the activity that got it. */
export interface HandOver {
  /** Spools the id and has Temporal acknowledge it; what is not acknowledged is sent as a signal until it is taken. */
  keep: (kept: KeptRequestId) => Promise<void>;
  /** Hands over what an earlier worker left behind. */
  drain: () => Promise<void>;
  stop: () => void;
}

interface HandOverDeps {
  client: Client;
  spool: RequestSpool;
  log: Logger;
}

export function createHandOver({ client, spool, log }: HandOverDeps): HandOver {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const closed = new Set<string>();
  /** What the disk did not take: handed over as long as this process lives. */
  const unspooled = new Map<string, SpooledRequest>();

  return {
    async keep({ taskToken, workflowId, firstExecutionRunId, requestId, beat }) {
      const entry: SpooledRequest = {
        workflowId,
        firstExecutionRunId,
        requestId,
        acceptedAt: new Date().toISOString(),
      };
      const isSpooled = await spool.put(entry).then(
        () => true,
        (error: unknown) => {
          log.error(
            { workflowId, requestId, error },
            'the request id could not be written to the spool; check RUNCOMFY_STATE_DIR',
          );
          return false;
        },
      );
      if (await acknowledge(taskToken, beat)) {
        if (isSpooled) await forget(entry);
        return;
      }
      if (!isSpooled) unspooled.set(requestId, entry);
      log.warn({ workflowId, requestId }, 'Temporal did not acknowledge the request id; handing it over by signal');
      void send(entry).catch(() => undefined);
      schedule();
    },
    drain,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };

  async function acknowledge(taskToken: Uint8Array, beat: unknown): Promise<boolean> {
    try {
      await client.withDeadline(Date.now() + acknowledgeWithinMs, () => client.activity.heartbeat(taskToken, beat));
      return true;
    } catch (error) {
      // The heartbeat was taken; its answer only adds that a cancel is under way.
      return error instanceof ActivityCancelledError;
    }
  }

  async function drain(): Promise<void> {
    const known = [...(await spool.list()), ...unspooled.values()];
    const waiting = known.filter((entry) => !closed.has(entry.requestId));
    const results = await Promise.allSettled(waiting.map(send));
    if (results.some(({ status }) => status === 'rejected')) schedule();
  }

  /** Rejects when Temporal could not be asked; a workflow that is closed keeps its entry for `doctor`. */
  async function send(entry: SpooledRequest): Promise<void> {
    const { workflowId, firstExecutionRunId, requestId } = entry;
    const handle = client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId });
    try {
      await client.withDeadline(Date.now() + acknowledgeWithinMs, () =>
        handle.signal(messageNames.requestAccepted, { firstExecutionRunId, requestId }),
      );
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      closed.add(requestId);
      log.error(
        { workflowId, requestId },
        'the generation closed before its request id could be handed over; kept in the spool',
      );
      return;
    }
    log.info({ workflowId, requestId }, 'request id handed over by signal');
    await forget(entry);
  }

  async function forget(entry: SpooledRequest): Promise<void> {
    unspooled.delete(entry.requestId);
    await spool.remove(entry).catch((error: unknown) => {
      log.warn(
        { error },
        'an entry of the spool could not be removed; it will be handed over once more, which is harmless',
      );
    });
  }

  function schedule(): void {
    if (isStopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      void drain().catch((error: unknown) => {
        log.warn({ error }, 'the spool could not be read');
        schedule();
      });
    }, retryEveryMs);
  }
}

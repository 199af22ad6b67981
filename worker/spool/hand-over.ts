import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityCancelledError, type Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { KeptRequestId } from '../../activities/index.ts';
import type { AcceptedRequest } from '../../domain/generation.ts';
import { messageNames } from '../../domain/names.ts';
import { identifyNamespace, locateSpooled, type NamespaceIdentity } from '../history/locate-chain.ts';
import { diskInTime, onDisk } from './disk-in-time.ts';
import type { RequestSpool, SpooledRequest } from './request-spool.ts';
import type { SubmitJournal } from './submit-journal.ts';

const acknowledgeWithinMs = 5_000;
const retryEveryMs = 5_000;

/** Enough for a long history; a call that takes longer is repeated. */
const locateWithinMs = 10_000;

/** Bounds the last try at shutdown: whoever stops a worker grants it little time. */
const lastTryWithinMs = 5_000;

/** Makes sure that an accepted request id reaches its workflow, whatever becomes of the activity that received it. */
export interface HandOver {
  /**
   * Writes the id to spool and journal, as far as the disk answers, and reports it to Temporal in a heartbeat. An id
   * that Temporal does not acknowledge is sent to its generation as a signal, with retries until it is taken.
   */
  keep: (kept: KeptRequestId) => Promise<void>;
  /** Hands over the ids that an earlier worker left behind. */
  drain: () => Promise<void>;
  /**
   * Before the worker ends, tries once more, for at most 5 s, to hand over what Temporal has not taken. If no other
   * worker follows, nobody else would.
   */
  stop: () => Promise<void>;
}

interface HandOverDeps {
  client: Client;
  spool: RequestSpool;
  journal: SubmitJournal;
  log: Logger;
}

export function createHandOver({ client, spool, journal, log }: HandOverDeps): HandOver {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  /** Request ids for which this process can do nothing more. */
  const settled = new Set<string>();
  let home: NamespaceIdentity | undefined;
  /** Entries that the disk did not take; they are handed over as long as this process lives. */
  const unspooled = new Map<string, SpooledRequest>();
  let isSpoolReadable = true;
  /** The read of the spool in flight. One that misses its timeout serves the next look at the spool. */
  let listing: Promise<SpooledRequest[]> | undefined;

  return {
    async keep({ taskToken, workflowId, firstExecutionRunId, requestId, heartbeatDetails }) {
      const entry: SpooledRequest = {
        workflowId,
        firstExecutionRunId,
        requestId,
        acceptedAt: new Date().toISOString(),
        ...home,
      };
      const written = (what: string, writing: Promise<void>) =>
        diskInTime(writing).then(
          () => true,
          (error: unknown) => {
            log.error(
              { workflowId, requestId, error },
              `the request id could not be written to the ${what}; check RUNCOMFY_STATE_DIR`,
            );
            return false;
          },
        );
      const putting = onDisk(() => spool.put(entry));
      const appending = onDisk(() => journal.append(entry));
      const [isSpooled] = await Promise.all([written('spool', putting), written('journal', appending)]);
      const isAcknowledged = await acknowledge(taskToken, heartbeatDetails);
      if (isSpooled && isAcknowledged) await forget(entry);
      if (!isSpooled) {
        if (!isAcknowledged) unspooled.set(requestId, entry);
        void putting.then(() => noteSpooledLate(entry)).catch(() => undefined);
      }
      if (isAcknowledged) return;
      log.warn({ workflowId, requestId }, 'Temporal did not acknowledge the request id; handing it over by signal');
      void send(entry).catch(() => undefined);
      schedule();
    },
    async drain() {
      await client.withDeadline(Date.now() + acknowledgeWithinMs, whereWeAre).catch(() => undefined);
      await drain();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await Promise.race([drain(), sleep(lastTryWithinMs, undefined, { ref: false })]);
      for (const { workflowId, requestId } of unspooled.values()) {
        log.error(
          { workflowId, requestId },
          'the worker ends with a request id that could be neither handed over nor spooled; adopt it',
        );
      }
    },
  };

  async function acknowledge(taskToken: Uint8Array, details: unknown): Promise<boolean> {
    try {
      await client.withDeadline(Date.now() + acknowledgeWithinMs, () => client.activity.heartbeat(taskToken, details));
      return true;
    } catch (error) {
      // The server took the heartbeat; its answer only adds that a cancel is under way.
      return error instanceof ActivityCancelledError;
    }
  }

  async function drain(): Promise<void> {
    const sendAll = (entries: Iterable<SpooledRequest>) =>
      Promise.allSettled([...entries].filter(({ requestId }) => !settled.has(requestId)).map(send));
    // Sent without waiting for the disk: a disk that hangs delays only what is stored on it.
    const sendingUnspooled = sendAll(unspooled.values());
    const isEarlierLook = listing !== undefined;
    listing ??= lookAtSpool();
    const spooled = await diskInTime(listing).then(
      (entries) => {
        listing = undefined;
        isSpoolReadable = true;
        return entries;
      },
      (error: unknown) => {
        if (isSpoolReadable) log.error({ error }, 'the spool of request ids cannot be read; check RUNCOMFY_STATE_DIR');
        isSpoolReadable = false;
        return [];
      },
    );
    const results = [...(await sendAll(spooled)), ...(await sendingUnspooled)];
    // A read that began earlier may have missed entries spooled since.
    if (isSpoolReadable && isEarlierLook) await drain();
    else if (!isSpoolReadable || results.some(({ status }) => status === 'rejected')) schedule();
  }

  async function lookAtSpool(): Promise<SpooledRequest[]> {
    try {
      return await onDisk(() => spool.list());
    } catch (error) {
      listing = undefined;
      throw error;
    }
  }

  /** Rejects if Temporal could not be asked. An entry that cannot be handed over is left for `doctor`. */
  async function send(entry: SpooledRequest): Promise<void> {
    const { workflowId, firstExecutionRunId, requestId } = entry;
    const place = await client.withDeadline(Date.now() + locateWithinMs, async () =>
      locateSpooled(client, entry, await whereWeAre()),
    );
    switch (place.kind) {
      case 'open': {
        const accepted: AcceptedRequest = { firstExecutionRunId, requestId };
        await client.withDeadline(Date.now() + acknowledgeWithinMs, () =>
          client.workflow.getHandle(workflowId, place.runId).signal(messageNames.requestAccepted, accepted),
        );
        log.info({ workflowId, requestId }, 'request id handed over by signal');
        await forget(entry);
        break;
      }
      case 'known':
        log.info({ workflowId, requestId }, 'the generation has the request id already');
        await forget(entry);
        break;
      case 'elsewhere':
        settled.add(requestId);
        log.warn(
          { workflowId, requestId, namespace: entry.namespace },
          'a request id in the spool belongs to another server or namespace; kept for a worker there',
        );
        break;
      case 'lost':
        settled.add(requestId);
        log.error(
          { workflowId, requestId },
          'the generation closed before its request id could be handed over; kept in the spool',
        );
    }
  }

  async function whereWeAre(): Promise<NamespaceIdentity> {
    home ??= await identifyNamespace(client);
    return home;
  }

  /** The disk took the entry after all: it is handed over from there, unless that has happened meanwhile. */
  async function noteSpooledLate(entry: SpooledRequest): Promise<void> {
    if (unspooled.delete(entry.requestId)) schedule();
    else await forget(entry);
  }

  async function forget(entry: SpooledRequest): Promise<void> {
    // The write of this entry may still succeed; a later read of the spool must not send it again.
    if (unspooled.delete(entry.requestId)) settled.add(entry.requestId);
    await diskInTime(onDisk(() => spool.remove(entry))).catch((error: unknown) => {
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

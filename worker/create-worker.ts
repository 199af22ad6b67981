import type { Client } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import {
  type NativeConnection,
  Worker,
  type WorkerDeploymentOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import { createBatchActivities } from '../activities/batch/index.ts';
import { createBudgetActivities } from '../activities/budget/index.ts';
import { createActivities, withPatientReports } from '../activities/index.ts';
import { createPipelineActivities } from '../activities/pipeline/index.ts';
import { createOpenAttempts } from '../activities/reading/open-attempts.ts';
import { createReadCounter } from '../activities/reading/read-counter.ts';
import { createReadPacer } from '../activities/reading/read-pacer.ts';
import { createSubmitPacer } from '../activities/submitting/submit-pacer.ts';
import { createWaitingKnowledge, type WaitingKnowledge } from '../activities/waiting/knowledge.ts';
import { createWebhookActivities } from '../activities/webhooks/index.ts';
import { createGenerationClient } from '../client/index.ts';
import {
  createBatchPages,
  createItemOrders,
  createKnownGenerations,
  createPipelineItemOrders,
} from '../client/operator/index.ts';
import { withWorkerCodecs } from '../codec/index.ts';
import { defaultTaskQueue, submitTaskQueue, webhookTaskQueue } from '../domain/names.ts';
import { createNexusHandlers } from '../nexus/handlers.ts';
import type { RunComfyClient } from '../runcomfy/client.ts';
import { isUnknownModel } from '../runcomfy/errors.ts';
import type { ProxySettings } from '../runcomfy/http/dispatchers.ts';
import { userAgent } from '../runcomfy/http/user-agent.ts';
import { createInputValidator, expectedPriceUsd } from '../runcomfy/models/index.ts';
import { createOutputCheck } from '../runcomfy/output-gone.ts';
import { createBalanceCache } from './balance-cache.ts';
import { createBudgetDesk } from './budget-desk.ts';
import { loadWorkflowBundle } from './bundle-workflows.ts';
import { createEarlierRuns } from './history/earlier-runs.ts';
import { learnAndTell } from './history/learn-from-history.ts';
import { lookUpOrdersIn } from './look-up-orders.ts';
import { followSearchAttributes, missingSearchAttributesSentence } from './search-attributes.ts';
import { createHandOver } from './spool/hand-over.ts';
import { openRequestSpool } from './spool/request-spool.ts';
import { openSubmitJournal } from './spool/submit-journal.ts';
import { watchToken } from './watch-token.ts';

/** Longer than a submit may take (75 s), so that no POST is cut off by a shutdown. */
const shutdownGraceMs = 90_000;

/**
 * Execution timeout of a workflow task, far above Temporal's 5 s. Where a script times out while it runs promise
 * callbacks, Node ends the whole process (nodejs/node#38503), so a starved machine or a paused process would lose its
 * worker. The input of a task bounds its cost, and the server enforces the task timeout of 10 s.
 */
const longestTaskMs = 600_000;

/** Interval of the balance reads: an order after a quiet hour still finds one that is less than a minute old. */
const balanceEveryMs = 45_000;

/** Bounds the worker's memory, however many generations wait. Their histories are short, so a replay is cheap. */
const maxCachedGenerations = 500;

/** Share of the read slots for pausing reads, which cost some 30 KB each; cancels and results use the others. */
const shareOfPausingReads = 0.7;

/** Share of the read slots for reads that wait for their turn under `readsPerSecond`. */
const shareOfWaitingReads = 0.2;

const defaultConcurrentReads = 2_000;

/** Concurrent webhook deliveries. An attempt takes one socket, for at most 15 s. */
const maxConcurrentDeliveries = 50;

/** Timeout of the price look-up, which runs beside the schema look-up and within the same heartbeat timeout. */
const priceWithin = () => ({ signal: AbortSignal.timeout(3_000) });

/** Timeout of a catalogue look-up. Until it has ended, a submit sends no heartbeat, which is allowed for 10 s. */
const catalogueWithinMs = 5_000;

export interface GenerationWorkerOptions {
  connection: NativeConnection;
  /** A client of the same namespace; hands over request ids and looks up runs. */
  client: Client;
  namespace: string;
  runcomfy: RunComfyClient;
  /** Folder of the request id spool and of the submit journal. */
  stateDir: string;
  log: Logger;
  taskQueue?: string;
  /** POSTs per second, enforced by the server across all workers of the queue; short bursts may exceed it. */
  submitsPerSecond?: number;
  /** Status and result reads per second of this worker. Workers that share an account must divide its limit. */
  readsPerSecond?: number;
  /** Parallel POSTs of this worker; default 50. */
  maxConcurrentSubmits?: number;
  /** Slots for concurrent reads and cancels of this worker; default 2,000. Pausing reads take at most 70 % of them. */
  maxConcurrentReads?: number;
  /** Generations kept in memory between their reads; default 500. Others are replayed when their next read is due. */
  maxCachedWorkflows?: number;
  /** Host and port of a simulator's files where it is not on loopback. These files are accepted as inputs. */
  mediaHost?: string;
  /** Learned durations; workers of one process may share them. Default: each worker learns for itself. */
  waiting?: WaitingKnowledge;
  /** Proxies for checking whether RunComfy's files still exist. Calls to RunComfy use those of `runcomfy`. */
  proxies?: ProxySettings;
  /** Signing secrets of webhooks, and hosts that may be private. Without these, orders with a webhook are refused. */
  webhooks?: { secretsOf: (name: string) => Promise<readonly string[] | undefined>; allowedHosts: readonly string[] };
  /** Offers the Nexus service `runcomfy` on the task queue. Keys of its callers get the prefix `<tenant>/`. */
  nexus?: { keyPrefix?: string };
  workflowBundle?: WorkflowBundleOption;
  /** Encrypts what Temporal stores, for instance. `client` and all other clients must use the same converter. */
  dataConverter?: DataConverter;
  /** Enables worker versioning: the worker runs nothing until its version is made current. */
  deploymentVersion?: WorkerDeploymentOptions['version'] | undefined;
}

export interface GenerationWorker {
  /** Polls until `shutdown`; rejects when a poller fails for good. */
  run: () => Promise<void>;
  /** Stops polling and lets work in flight finish. */
  shutdown: () => void;
  isRunning: () => boolean;
  /** Whether RunComfy refused the token in the last call that says anything about it. */
  isTokenRefused: () => boolean;
}

/** Creates one worker per queue: workflows and reads, paid submits and, if webhooks can be signed, their delivery. */
export async function createGenerationWorker(options: GenerationWorkerOptions): Promise<GenerationWorker> {
  const { connection, client, namespace, log, deploymentVersion } = options;
  const { runcomfy, isRefused, refusalAfter } = watchToken(options.runcomfy);
  const taskQueue = options.taskQueue ?? defaultTaskQueue;
  const attributes = await followSearchAttributes(client, (check) => {
    if (!check) log.warn('the search attributes of the namespace could not be listed; generations run without them');
    else if (check.missing.length > 0) log.warn(missingSearchAttributesSentence(check.missing, namespace));
  });
  const journal = openSubmitJournal(options.stateDir);
  const handOver = createHandOver({ client, spool: openRequestSpool(options.stateDir), journal, log });
  const catalogue = { getModel: (id: string) => runcomfy.getModel(id) };
  const maxConcurrentReads = options.maxConcurrentReads ?? defaultConcurrentReads;
  const openAttempts = createOpenAttempts(Math.floor(maxConcurrentReads * shareOfPausingReads));
  const readPacer = createReadPacer({
    maxWaiting: Math.floor(maxConcurrentReads * shareOfWaitingReads),
    ...(options.readsPerSecond !== undefined && { readsPerSecond: options.readsPerSecond }),
  });
  const submitPacer = createSubmitPacer();
  const budgets = createBudgetDesk(client);
  const waiting = options.waiting ?? createWaitingKnowledge();
  const recentBalance = createBalanceCache(() => runcomfy.balance());
  recentBalance();
  const balanceTimer = setInterval(recentBalance, balanceEveryMs);
  balanceTimer.unref();
  const { modelApiBase } = runcomfy;
  const validator = createInputValidator({
    ...catalogue,
    timeoutMs: catalogueWithinMs,
    modelApiBase,
    ...(options.mediaHost !== undefined && { mediaHost: options.mediaHost }),
  });
  const generations = createGenerationClient({ client, taskQueue });
  const stopping = new AbortController();
  const ofBatches = createBatchActivities({
    orders: createItemOrders({ client, taskQueue, modelApiBase, generations }),
    pipelines: createPipelineItemOrders({ client, taskQueue }),
    pages: createBatchPages(client, taskQueue),
    lookup: { ...catalogue, isUnknownModel },
    searchAttributes: attributes.known,
    stopping: stopping.signal,
    refusalAfter,
  });
  const ofPipelines = createPipelineActivities({
    lookup: { ...catalogue, isUnknownModel },
    validator,
    generations: createKnownGenerations(client, generations),
    isGone: createOutputCheck({ modelApiBase, proxies: options.proxies }),
    searchAttributes: attributes.known,
  });
  const earlierRuns = createEarlierRuns({ client, journal, log });
  const activities = createActivities({
    runcomfy,
    validator,
    readCounter: createReadCounter(),
    readPacer,
    submitPacer,
    budgets,
    openAttempts,
    waiting,
    searchAttributes: attributes.known,
    existingSearchAttributes: attributes.existing,
    recentBalance,
    expectedPriceUsd: (model, input) =>
      expectedPriceUsd(model, input, { getModel: (id) => runcomfy.getModel(id, priceWithin()) }),
    keepRequestId: (kept) => handOver.keep(kept),
    ...earlierRuns,
  });
  const ofBudgets = createBudgetActivities({ desk: budgets, orders: lookUpOrdersIn(client) });
  const { checkWebhook, deliverWebhook } = createWebhookActivities(
    options.webhooks && { ...options.webhooks, userAgent },
    earlierRuns,
  );
  const { submitRequest, recallSubmit, ...others } = activities;
  const dataConverter = options.dataConverter && withWorkerCodecs(options.dataConverter);
  const shared = {
    connection,
    namespace,
    shutdownGraceTime: shutdownGraceMs,
    isolateExecutionTimeout: longestTaskMs,
    activityTaskPollerBehavior: { type: 'autoscaling' },
    ...(dataConverter && { dataConverter }),
    ...(deploymentVersion && { workerDeploymentOptions: pinnedTo(deploymentVersion) }),
  } as const;
  const workers = await Promise.all([
    Worker.create({
      ...shared,
      taskQueue,
      workflowBundle: options.workflowBundle ?? (await loadWorkflowBundle()),
      activities: { ...others, recallSubmit, ...ofPipelines, ...ofBudgets, ...ofBatches, checkWebhook },
      // A paused batch learns of the pause from the next heartbeat of its window.
      maxHeartbeatThrottleInterval: '1 second',
      maxConcurrentActivityTaskExecutions: maxConcurrentReads,
      workflowTaskPollerBehavior: { type: 'autoscaling' },
      maxCachedWorkflows: options.maxCachedWorkflows ?? maxCachedGenerations,
      ...(options.nexus && {
        nexusServices: [createNexusHandlers({ client, taskQueue, modelApiBase, ...options.nexus })],
      }),
    }),
    Worker.create({
      ...shared,
      ...(dataConverter && { dataConverter: withPatientReports(dataConverter) }),
      taskQueue: submitTaskQueue(taskQueue),
      activities: { submitRequest, recallSubmit },
      maxConcurrentActivityTaskExecutions: options.maxConcurrentSubmits ?? 50,
      ...(options.submitsPerSecond !== undefined && { maxTaskQueueActivitiesPerSecond: options.submitsPerSecond }),
    }),
    // A worker without the secrets would refuse deliveries that another worker could make.
    ...(deliverWebhook
      ? [
          Worker.create({
            ...shared,
            taskQueue: webhookTaskQueue(taskQueue),
            activities: { deliverWebhook },
            maxConcurrentActivityTaskExecutions: maxConcurrentDeliveries,
          }),
        ]
      : []),
  ]);

  return {
    async run() {
      void handOver.drain().catch((error: unknown) => {
        log.warn({ error }, 'the spool of request ids could not be drained');
      });
      void learnAndTell(client, waiting, { taskQueue, modelApiBase, log });
      try {
        const ends = await Promise.allSettled(
          workers.map((worker) =>
            worker.run().finally(() => {
              stop(workers);
            }),
          ),
        );
        // Only now is nothing in flight any more, on any queue.
        const failed = ends.find((end) => end.status === 'rejected');
        if (failed) throw failed.reason;
      } finally {
        clearInterval(balanceTimer);
        attributes.stop();
        await Promise.all([handOver.stop(), budgets.drain()]);
      }
    },
    shutdown: () => {
      stopping.abort();
      openAttempts.stopAll();
      readPacer.stopAll();
      submitPacer.stopAll();
      stop(workers);
    },
    isRunning: () => workers.every((worker) => worker.getState() === 'RUNNING'),
    isTokenRefused: isRefused,
  };
}

/** A generation stays on the version that started it, since it rarely outlives a deploy. */
function pinnedTo(version: WorkerDeploymentOptions['version']): WorkerDeploymentOptions {
  return { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' };
}

function stop(workers: Worker[]): void {
  for (const worker of workers) {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  }
}

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
 * Node ends the whole process where a script runs out of its time while it answers promises (nodejs/node#38503), as every
 * workflow task does: under Temporal's own 5 s, a machine that starves or a process that was paused loses its worker. What
 * a task may cost is bounded by what it is given; its ten seconds are held by the server.
 */
const longestTaskMs = 600_000;

/** Often enough that the order of a quiet hour, too, finds a balance that is not older than a minute. */
const balanceEveryMs = 45_000;

/** Bounds the worker's memory, however many generations wait: their histories are short, so a replay is cheap. */
const maxCachedGenerations = 500;

/** A pausing read costs a slot and some 30 KB, no processor time. The slots beside these stay free for cancels and results. */
const shareOfPausingReads = 0.7;

/** Reads that wait for their turn under a limit take slots as well. */
const shareOfWaitingReads = 0.2;

const defaultConcurrentReads = 2_000;

/** An attempt takes a socket, and 15 s at most. */
const maxConcurrentDeliveries = 50;

/** Asked beside the schema, and within the same heartbeat timeout. */
const priceWithin = () => ({ signal: AbortSignal.timeout(3_000) });

/** A submit sends no heartbeat before its input is checked, and is given up for lost after 10 s without one. */
const catalogueWithinMs = 5_000;

export interface GenerationWorkerOptions {
  connection: NativeConnection;
  /** A client of the same namespace: hands over request ids, looks up runs. */
  client: Client;
  namespace: string;
  runcomfy: RunComfyClient;
  /** Folder of the spool of request ids. */
  stateDir: string;
  log: Logger;
  taskQueue?: string;
  /** Limit on POSTs, held by the server across all workers of the queue; it bursts by a few. */
  submitsPerSecond?: number;
  /** Limit on this worker's status and result reads; several workers share an account's limit by setting. */
  readsPerSecond?: number;
  /** Parallel POSTs of this worker; default 50. */
  maxConcurrentSubmits?: number;
  /** Slots for reads and cancels of this worker; default 2,000, of which reads that pause take 70 % at most. */
  maxConcurrentReads?: number;
  /** Generations kept in memory between their reads; default 500. The others are replayed when their next read is due. */
  maxCachedWorkflows?: number;
  /** Host and port on which a simulator offers its files, where it is not on loopback: they may be inputs, too. */
  mediaHost?: string;
  /** What is known of durations; several workers of one process may share it. Default: each learns by itself. */
  waiting?: WaitingKnowledge;
  /** By which it is looked whether files of RunComfy are still there; RunComfy itself is reached as `runcomfy` does. */
  proxies?: ProxySettings;
  /** What webhooks are signed with, and which hosts may be private; missing: orders with a webhook are refused. */
  webhooks?: { secretsOf: (name: string) => Promise<readonly string[] | undefined>; allowedHosts: readonly string[] };
  /** Offers the Nexus service `runcomfy` on the task queue; keys of its callers begin with `keyPrefix`, `<tenant>/`. */
  nexus?: { keyPrefix?: string };
  workflowBundle?: WorkflowBundleOption;
  /** Encrypts what Temporal stores, for instance; `client` and all other clients must have the same. */
  dataConverter?: DataConverter;
  /** Turns worker versioning on: the worker runs nothing until its version is made current. */
  deploymentVersion?: WorkerDeploymentOptions['version'] | undefined;
}

export interface GenerationWorker {
  /** Polls until `shutdown`; rejects when a poller fails for good. */
  run: () => Promise<void>;
  /** Stops polling, lets what is in flight finish. */
  shutdown: () => void;
  isRunning: () => boolean;
  /** Whether RunComfy refused the token when it last said something of it. */
  isTokenRefused: () => boolean;
}

/** A worker for its queues: workflows and reads on one, paid submits on another; deliveries of webhooks, where they can be signed, on a third. */
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
      // A batch that is paused is told of it with the next heartbeat of its window.
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
    // A worker without the secrets would refuse what another one can deliver.
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
        // Only now nothing is in flight any more, on any queue.
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

/** A generation stays with the version it was started on: it rarely lives longer than a deploy takes. */
function pinnedTo(version: WorkerDeploymentOptions['version']): WorkerDeploymentOptions {
  return { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' };
}

function stop(workers: Worker[]): void {
  for (const worker of workers) {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  }
}

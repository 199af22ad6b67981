import { ActivityCancellationType, proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../domain/activities.ts';
import type { BatchActivities } from '../domain/batch/batch-activities.ts';
import type { BudgetActivities } from '../domain/budget/budget.ts';
import { finalFailureTypes } from '../domain/failure-type.ts';
import { submitTaskQueue, webhookTaskQueue } from '../domain/names.ts';
import type { PipelineActivities } from '../domain/pipeline/pipeline-activities.ts';
import type { WebhookActivities } from '../domain/webhook/webhook.ts';
import { inTurns } from './local-turns.ts';

type Submit = Pick<Activities, 'submitRequest'>;
type Recall = Pick<Activities, 'recallSubmit'>;
type Read = Pick<Activities, 'readStatus' | 'fetchResult' | 'checkAdoption' | 'gatherEvidence'>;
type Cancel = Pick<Activities, 'cancelRequest'>;
type LocalCheck = Pick<Activities, 'listSearchAttributes' | 'recallSubmit'> & Pick<WebhookActivities, 'checkWebhook'>;

/**
 * The paid POST. Retried only if it provably sent nothing or was refused: a timeout or a lost worker may hide an
 * accepted order, so those end the activity and the workflow decides. There is no total timeout: the deadline cuts a
 * backoff short, but never a POST in flight.
 */
export function submitActivities(): Submit {
  return proxyActivities<Submit>({
    taskQueue: submitTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '75 seconds',
    heartbeatTimeout: '10 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '1 second',
      backoffCoefficient: 2,
      maximumInterval: '30 seconds',
      nonRetryableErrorTypes: [
        'TemporalTimeout:StartToClose',
        'TemporalTimeout:Heartbeat',
        'WorkerShutdown',
        ...finalFailureTypes('submit'),
      ],
    },
    summary: 'submit (paid)',
  });
}

const readRetry = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' } as const;

/**
 * Looks at the disk of a worker that submits, or of one that runs workflows. Without an answer, the submission of a run
 * that may have been reset is unknown.
 */
export function recalls(taskQueue = submitTaskQueue(workflowInfo().taskQueue)): Recall {
  return proxyActivities<Recall>({
    taskQueue,
    startToCloseTimeout: '5 seconds',
    scheduleToCloseTimeout: '10 seconds',
    cancellationType: ActivityCancellationType.ABANDON,
    retry: readRetry,
  });
}

/**
 * Reads are free and safe: they are retried until the generation's deadline, and dropped at once when something more
 * urgent comes in. Each attempt sets its own backoff; the coefficient is 1, so that attempts that merely went on later
 * do not lengthen the backoff after a dead worker.
 */
export const reads = proxyActivities<Read>({
  startToCloseTimeout: '25 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { ...readRetry, backoffCoefficient: 1 },
});

/** Reads that must come to an end: the last look after the deadline, an adoption check, evidence. */
export const boundedReads = proxyActivities<Read>({
  startToCloseTimeout: '25 seconds',
  scheduleToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: readRetry,
});

/**
 * Reads the result at the deadline if the status did not say whether the work is over. It has less time, so that both
 * reads fit before a run timeout.
 */
export const briefReads = proxyActivities<Pick<Read, 'fetchResult'>>({
  startToCloseTimeout: '15 seconds',
  scheduleToCloseTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: readRetry,
});

/**
 * RunComfy has half a minute to answer, but the wait for a worker is not limited: if the cancel were given up before
 * RunComfy was asked, queued work would run and be billed. The attempts count RunComfy's time themselves; their number
 * bounds those that cannot.
 */
export const cancels = proxyActivities<Cancel>({
  startToCloseTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 seconds', maximumAttempts: 8 },
});

/** Local activities that only older runs use, as their histories demand. Newer runs use other activities instead. */
export const legacyLocalChecks = inTurns(
  proxyLocalActivities<LocalCheck>({
    scheduleToCloseTimeout: '5 seconds',
    cancellationType: ActivityCancellationType.ABANDON,
    retry: { maximumAttempts: 1 },
  }),
);

/**
 * Asks which search attributes exist, where a local activity must not be used; its answer is believed for a while. It
 * is done at once and the end of a workflow may wait for it, so it goes ahead of other tasks in the queue.
 */
export const attributeChecks = proxyActivities<Pick<Activities, 'listSearchAttributes'>>({
  priority: { priorityKey: 1 },
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

/**
 * Asks any worker whether a webhook can be delivered. It is done at once and the order waits for it, so it goes ahead
 * of other tasks, too.
 */
export const webhookChecks = proxyActivities<Pick<WebhookActivities, 'checkWebhook'>>({
  priority: { priorityKey: 1 },
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

const preparationOptions = {
  startToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: readRetry,
} as const;

const followOptions = {
  startToCloseTimeout: '1 day',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: readRetry,
} as const;

const manyCancelsRetry = {
  ...readRetry,
  maximumAttempts: 35,
  nonRetryableErrorTypes: ['TemporalTimeout:StartToClose'],
};

/** 15 minutes for asking, in one attempt or in many that fail at once; the wait for a worker is not limited. */
const manyCancelsOptions = {
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: manyCancelsRetry,
} as const;

/**
 * The activities of a workflow that orders generations itself. They run on our workers, wherever that workflow runs.
 */
export function generationCalls(taskQueue: string) {
  const settle = proxyActivities<Pick<PipelineActivities, 'settleGeneration'>>({ ...preparationOptions, taskQueue });
  const follow = proxyActivities<Pick<PipelineActivities, 'followGeneration'>>({ ...followOptions, taskQueue });
  const cancel = proxyActivities<Pick<PipelineActivities, 'cancelGeneration'>>({ ...manyCancelsOptions, taskQueue });
  return {
    settleGeneration: settle.settleGeneration,
    followGeneration: follow.followGeneration,
    cancelGeneration: cancel.cancelGeneration,
  };
}

/** What a pipeline evaluates and looks up: free and quick, so it is retried for as long as the pipeline wants it. */
export const preparations =
  proxyActivities<Pick<PipelineActivities, 'checkPlan' | 'prepareStep' | 'evaluateOutputs'>>(preparationOptions);

/** Waits for a generation that is not a child, as long as it takes, on one worker after the other. */
export const follows = proxyActivities<Pick<PipelineActivities, 'followGeneration'>>(followOptions);

/** Cancels many generations and returns the outcome of each; `unknown` for those that do not answer in time. */
export const manyCancels = proxyActivities<Pick<PipelineActivities, 'cancelGenerations'>>(manyCancelsOptions);

const briefOptions = { cancellationType: ActivityCancellationType.ABANDON, retry: { maximumAttempts: 1 } } as const;

/** Keeps a workflow task open, which a timer cannot do. */
export const localPauses = proxyLocalActivities<Pick<PipelineActivities, 'breathe'>>({
  scheduleToCloseTimeout: '5 seconds',
  ...briefOptions,
});

/** Local pauses, one after the other. */
export const localPausesInTurns = inTurns(localPauses);

export const localPreparationMs = 1_500;

/** Preparations that are done at once: a local activity adds one event to the history where another adds six. */
export const localPreparations = inTurns(
  proxyLocalActivities<Pick<PipelineActivities, 'prepareStep'>>({
    scheduleToCloseTimeout: localPreparationMs,
    ...briefOptions,
  }),
);

/**
 * Looks up old reservations. It is repeated in five minutes, so an answer that does not come soon is not waited for.
 */
export const reconciles = proxyActivities<Pick<BudgetActivities, 'reconcileReservations'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '2 minutes',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

/**
 * Tells budgets what an order has cost. Local, so that it adds only one event to the generation's history. A lost
 * settlement is made up for when the budget looks up its old reservations.
 */
export const settlements = inTurns(
  proxyLocalActivities<Pick<BudgetActivities, 'settleReservations'>>({
    scheduleToCloseTimeout: '5 seconds',
    cancellationType: ActivityCancellationType.ABANDON,
    retry: { initialInterval: '200 milliseconds', maximumInterval: '1 second' },
  }),
);

/**
 * The window of a batch. A lost attempt is repeated as a whole and finds what it had started. After a cancellation it
 * still returns what it has, so it is waited for.
 */
export const windowActivity = proxyActivities<Pick<BatchActivities, 'runWindow'>>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds' },
});

/** What a batch stores in Temporal: fixed content under fixed names, so it is retried until it is there. */
export const batchPages = proxyActivities<Pick<BatchActivities, 'storeItems' | 'closeItems'>>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

/** Cancels the items of a batch and returns the outcome of each; `unknown` for those that do not answer in time. */
export const itemCancels = proxyActivities<Pick<BatchActivities, 'cancelItems'>>(manyCancelsOptions);

/** One attempt to deliver a webhook, on a task queue of its own. The workflow decides when the next one comes. */
export function deliverOnce(): Pick<WebhookActivities, 'deliverWebhook'> {
  return proxyActivities<Pick<WebhookActivities, 'deliverWebhook'>>({
    taskQueue: webhookTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '25 seconds',
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { maximumAttempts: 1 },
  });
}

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
 * The paid POST. Repeated only where it provably sent nothing or was refused: a timeout or a lost worker may hide an
 * accepted order, so those end the activity and the workflow decides. No total limit: the deadline cuts a backoff short,
 * never a POST in flight.
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
 * A look at the disk of the worker that submits, or of one that runs workflows; without an answer a run that may have been
 * reset is unknown.
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
 * Reads are free and safe: repeated until the generation's deadline, and dropped at once when a wish comes in. An attempt
 * says itself how long to back off: attempts that merely went on later must not make a dead worker cost more.
 */
export const reads = proxyActivities<Read>({
  startToCloseTimeout: '25 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { ...readRetry, backoffCoefficient: 1 },
});

/** The last look after the deadline, an adoption check, evidence: reads that must come to an end. */
export const boundedReads = proxyActivities<Read>({
  startToCloseTimeout: '25 seconds',
  scheduleToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: readRetry,
});

/** Reads the result at the deadline after a status that told nothing: less time, so that both fit before a run timeout. */
export const briefReads = proxyActivities<Pick<Read, 'fetchResult'>>({
  startToCloseTimeout: '15 seconds',
  scheduleToCloseTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: readRetry,
});

/**
 * RunComfy has half a minute for its answer, but a worker has any time to ask: given up unasked, what still waits in its
 * queue would run, and be billed. The attempts count that time themselves; their number bounds those that cannot.
 */
export const cancels = proxyActivities<Cancel>({
  startToCloseTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 seconds', maximumAttempts: 8 },
});

/** What only runs that began before this was left to other activities ask of local ones, as their histories have it. */
export const legacyLocalChecks = inTurns(
  proxyLocalActivities<LocalCheck>({
    scheduleToCloseTimeout: '5 seconds',
    cancellationType: ActivityCancellationType.ABANDON,
    retry: { maximumAttempts: 1 },
  }),
);

/**
 * What search attributes there are, where nothing is to follow from a local activity: its answer is believed for a while. It
 * is over at once, and an end may wait for it: it goes before what else has gathered in the queue.
 */
export const attributeChecks = proxyActivities<Pick<Activities, 'listSearchAttributes'>>({
  priority: { priorityKey: 1 },
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

/** Whether a webhook can be delivered, of any worker that has the time. The order waits for it, and it is over at once, too. */
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

/** A quarter of an hour for whoever asks, in one attempt or in many that fail at once; any time for a worker to come. */
const manyCancelsOptions = {
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: manyCancelsRetry,
} as const;

/** What a workflow asks of our workers that orders generations itself, wherever it runs. */
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

/** What a pipeline evaluates and looks up: free, quick, and repeated for as long as the pipeline wants it. */
export const preparations =
  proxyActivities<Pick<PipelineActivities, 'checkPlan' | 'prepareStep' | 'evaluateOutputs'>>(preparationOptions);

/** Waiting for a generation that is no child: as long as it takes, by one worker after the other. */
export const follows = proxyActivities<Pick<PipelineActivities, 'followGeneration'>>(followOptions);

/** The honest cancel of many generations: `unknown` where those that are asked give no answer in time. */
export const manyCancels = proxyActivities<Pick<PipelineActivities, 'cancelGenerations'>>(manyCancelsOptions);

const briefOptions = { cancellationType: ActivityCancellationType.ABANDON, retry: { maximumAttempts: 1 } } as const;

/** Keeps a workflow task open, which a timer cannot do. */
export const localPauses = proxyLocalActivities<Pick<PipelineActivities, 'breathe'>>({
  scheduleToCloseTimeout: '5 seconds',
  ...briefOptions,
});

/** Pauses one after the other. */
export const localPausesInTurns = inTurns(localPauses);

export const localPreparationMs = 1_500;

/** Preparations that are over at once: a local activity leaves one event where another leaves six. */
export const localPreparations = inTurns(
  proxyLocalActivities<Pick<PipelineActivities, 'prepareStep'>>({
    scheduleToCloseTimeout: localPreparationMs,
    ...briefOptions,
  }),
);

/** Old reservations are looked up again in five minutes: an answer that does not come soon is not waited for. */
export const reconciles = proxyActivities<Pick<BudgetActivities, 'reconcileReservations'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '2 minutes',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

/**
 * What an order has cost, told to its budgets. Local, so that it costs the generation one event; what is lost is found when
 * the budget looks up its old reservations.
 */
export const settlements = inTurns(
  proxyLocalActivities<Pick<BudgetActivities, 'settleReservations'>>({
    scheduleToCloseTimeout: '5 seconds',
    cancellationType: ActivityCancellationType.ABANDON,
    retry: { initialInterval: '200 milliseconds', maximumInterval: '1 second' },
  }),
);

/**
 * The window of a batch: an attempt that is lost is repeated whole, and finds what it had started. A cancellation brings
 * back what it has, so it is waited for.
 */
export const windowActivity = proxyActivities<Pick<BatchActivities, 'runWindow'>>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds' },
});

/** What a batch keeps in Temporal: fixed content under fixed names, so repeated until it is there. */
export const batchPages = proxyActivities<Pick<BatchActivities, 'storeItems' | 'closeItems'>>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '15 seconds',
  cancellationType: ActivityCancellationType.ABANDON,
  retry: readRetry,
});

/** The honest cancel of the items of a batch: `unknown` where those that are asked give no answer in time. */
export const itemCancels = proxyActivities<Pick<BatchActivities, 'cancelItems'>>(manyCancelsOptions);

/** One attempt to deliver a webhook, on a queue of its own; when the next one comes is the workflow's affair. */
export function deliverOnce(): Pick<WebhookActivities, 'deliverWebhook'> {
  return proxyActivities<Pick<WebhookActivities, 'deliverWebhook'>>({
    taskQueue: webhookTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '25 seconds',
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { maximumAttempts: 1 },
  });
}

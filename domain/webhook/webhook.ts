import type { CancelState, FailureDetails, FailureState, GenerationResult, Phase, Submission } from '../generation.ts';
import { maxWorkflowIdLength } from '../names.ts';
import { type WebhookEvent, webhookEvents, type WebhookTarget } from './webhook-target.ts';

/** Why a generation has no output, as a webhook tells it: nothing that could echo the input. */
export type WebhookFailure = Pick<FailureState, 'type' | 'message'> & {
  details: Pick<
    FailureDetails,
    | 'submission'
    | 'httpStatus'
    | 'vendorCode'
    | 'vendorMessage'
    | 'otherRequestIds'
    | 'otherCostUsd'
    | 'otherCostsUnknown'
    | 'reason'
    | 'priceUsd'
    | 'limitUsd'
    | 'budget'
    | 'availableUsd'
  >;
};

/** The JSON document that a receiver gets. */
export interface WebhookBody {
  type: WebhookEvent;
  /** When it happened, ISO 8601. */
  timestamp: string;
  data: {
    /** As its tenant knows it. */
    key: string;
    tenant?: string;
    runId: string;
    model: string;
    phase: Phase;
    submission: Submission;
    requestId?: string;
    costUsd?: number;
    result?: GenerationResult;
    failure?: WebhookFailure;
    cancel?: CancelState;
    /** Fields that are left out since the body would be too long: ask for the generation by its key. */
    leftOut?: ('result' | 'failure')[];
  };
}

/** The one argument of workflow `runcomfyWebhook`: an event and who is told of it. */
export interface WebhookOrder {
  /** `webhook-id` of every attempt: receivers recognise repetitions by it. */
  webhookId: string;
  url: string;
  /** Name of the secrets that sign. */
  secret: string;
  body: WebhookBody;
}

/** A run of `runcomfyWebhook`. */
export interface DeliveryRun {
  workflowId: string;
  runId: string;
}

/** One attempt to deliver. */
export interface WebhookAttempt {
  /** ISO 8601. */
  at: string;
  durationMs: number;
  httpStatus?: number;
  /** In our words: nothing that the receiver sent. */
  error?: string;
}

/** How far a delivery is; the last four are its end. */
export type DeliveryState = 'delivering' | 'waiting' | 'delivered' | 'exhausted' | 'gone' | 'refused';

/** Answer of query `delivery`, and return value of a delivery that arrived. */
export interface Delivery {
  event: WebhookEvent;
  /** Without its query. */
  url: string;
  state: DeliveryState;
  attempts: WebhookAttempt[];
  /** ISO 8601. */
  nextAttemptAt?: string;
  /** ISO 8601. */
  deliveredAt?: string;
  /** Why nothing was sent any more; where it was refused at once, nothing ever was. */
  refusedBecause?: string;
  webhookId: string;
}

/** Argument of `deliverWebhook`: one attempt. */
export interface DeliveryQuestion {
  webhookId: string;
  url: string;
  secret: string;
  body: WebhookBody;
}

/** Answer of `deliverWebhook`: what came of the attempt, and what follows from it. */
export interface DeliveryAnswer extends WebhookAttempt {
  verdict: 'delivered' | 'gone' | 'refused' | 'failed';
  /** What the receiver asks to wait, at most an hour. */
  retryAfterMs?: number;
}

/** Answer of `checkWebhook`: why nothing could be delivered there; empty: nothing is known against it. */
export interface WebhookCheck {
  issues: { path: string; message: string }[];
  /** A run before this one may have had the order accepted: what stands against its webhook must not end it as unsent. */
  mayBeSubmitted?: true;
}

/** What the workflows ask of workers about webhooks. */
export interface WebhookActivities {
  /** Looks at the address, the secret's name and the generation's key before anything is paid. */
  checkWebhook: (
    target: Pick<WebhookTarget, 'url' | 'secret'> & { key: string; firstExecutionRunId?: string },
  ) => Promise<WebhookCheck>;
  /** POSTs the event once; whatever comes of it is an answer. */
  deliverWebhook: (question: DeliveryQuestion) => Promise<DeliveryAnswer>;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** From one failed attempt to the next, milliseconds: over a day in all. */
export const retryStepsMs: readonly number[] = [
  5_000,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  10 * hourMs,
];

const jitterShare = 0.1;

/**
 * Milliseconds until the attempt after the failed one of this step, give or take 10 % by `chance` in [0, 1), or what the
 * receiver asks for where that is longer; undefined: there is none.
 */
export function nextAttemptInMs(step: number, chance: number, retryAfterMs = 0): number | undefined {
  const stepMs = retryStepsMs[step];
  if (stepMs === undefined) return undefined;
  return Math.max(Math.round(stepMs * (1 - jitterShare + 2 * jitterShare * chance)), retryAfterMs);
}

/** The URL without its query, which may hold what only the receiver should know. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

/** Workflow ID under which an event of a generation is delivered. */
export function webhookKey(key: string, event: WebhookEvent): string {
  return `${key}/webhook/${event}`;
}

/** Workflow ID of the same event of a later run, where the delivery of an earlier one still goes on. */
export function webhookKeyOfRun(key: string, event: WebhookEvent, firstRunId: string): string {
  return `${webhookKey(key, event)}/${firstRunId}`;
}

/** The longest key of a generation of which every event can be delivered under a name that is kept. */
export const maxWebhookKeyLength =
  maxWorkflowIdLength -
  Math.max(...webhookEvents.map((event) => webhookKeyOfRun('', event, '00000000-0000-0000-0000-000000000000').length));

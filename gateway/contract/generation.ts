import { z } from 'zod';
import { failureTypes, wallTypes } from '../../domain/failure-type.ts';
import {
  cancelWhileRunningPolicies,
  phases,
  unknownSubmissionPolicies,
  waitingPresets,
  wallPolicies,
} from '../../domain/generation.ts';
import { maxSecondsOfDelay, maxStretchMs } from '../../domain/request-checks.ts';
import { isSecretName, secretNameWords } from '../../domain/webhook/webhook-request.ts';
import { webhookEvents } from '../../domain/webhook/webhook-target.ts';
import { furtherRequests, usd, usdAtMost } from './money.ts';

const { exactOptional } = z;

/** A time: ISO 8601, UTC. */
export const time = z.string().meta({ format: 'date-time', examples: ['2026-11-26T05:00:00.000Z'] });

/** The tenant that it belongs to. */
export const tenant = exactOptional(z.string().meta({ description: 'Told to callers that act for all tenants.' }));

export const phase = z.enum(phases).meta({ id: 'Phase', description: 'Where a generation stands.' });

export const submission = z
  .enum(['not_sent', 'refused', 'accepted', 'unknown'])
  .meta({ id: 'Submission', description: 'What is known of the paid order: `not_sent` and `refused` cost nothing.' });

export const failureType = z.enum(failureTypes).meta({ id: 'FailureType', description: 'What went wrong, by name.' });

export const cancelOutcome = z
  .enum(['cancelled', 'not_cancellable', 'not_submitted', 'too_late', 'unknown'])
  .meta({ id: 'CancelOutcome', description: 'What became of a cancel; `not_cancellable`: the work may be billed.' });

export const inputIssue = z
  .object({ path: z.string(), message: z.string() })
  .meta({ id: 'InputIssue', description: 'One problem of an order: where, and what.' });

export const cancelState = z
  .object({ requestedAt: time, reason: exactOptional(z.string()), outcome: exactOptional(cancelOutcome) })
  .meta({
    id: 'CancelState',
    description: 'A cancel that was asked for; without `outcome` while the answer is awaited.',
  });

const wallState = z
  .object({
    type: z.enum(wallTypes),
    message: z.string(),
    since: time,
    refusals: z.int(),
    nextTryAt: time,
  })
  .meta({ id: 'WallState', description: 'What an order waits for, under `onWall: wait`.' });

const balanceReading = z.object({ microdollars: z.int(), readAt: time }).meta({ id: 'BalanceReading' });

export const submissionEvidence = z
  .object({
    sentAt: exactOptional(time),
    balanceBefore: exactOptional(balanceReading),
    balanceAfter: exactOptional(balanceReading),
    reason: exactOptional(z.string()),
    reply: exactOptional(z.string()),
    repliedRequestId: exactOptional(z.string()),
    expectedPriceUsd: exactOptional(usd),
    note: z.string(),
  })
  .meta({
    id: 'SubmissionEvidence',
    description: 'What may help to decide about an unknown submission: never a proof.',
  });

/** The first detail of a generation's failure. */
export const failureDetails = z
  .object({
    model: z.string(),
    key: z.string(),
    phase,
    submission,
    requestId: exactOptional(z.string()),
    httpStatus: exactOptional(z.int()),
    vendorCode: exactOptional(z.union([z.number(), z.string()])),
    vendorMessage: exactOptional(z.string()),
    issues: exactOptional(z.array(inputIssue)),
    cancel: exactOptional(cancelState),
    ...furtherRequests,
    wall: exactOptional(wallState),
    evidence: exactOptional(submissionEvidence),
    rawOutput: exactOptional(z.string()),
    costUsd: exactOptional(usd),
    reason: exactOptional(z.enum(['queue_deadline'])),
    priceUsd: exactOptional(usd),
    limitUsd: exactOptional(usd),
    budget: exactOptional(z.string()),
    availableUsd: exactOptional(usd),
  })
  .meta({ id: 'FailureDetails' });

const failureState = z
  .object({ type: failureType, message: z.string(), details: failureDetails })
  .meta({ id: 'Failure', description: 'Why a generation ended without its output.' });

/** Fields of a generation's state that its workflow reports. */
export const stateFields = {
  phase,
  model: z.string(),
  submission,
  requestId: exactOptional(z.string().meta({ description: "RunComfy's own id" })),
  queuePosition: exactOptional(z.int()),
  reads: z.int().meta({ description: 'Status and result reads so far' }),
  readAt: exactOptional(time),
  submittedAt: exactOptional(time),
  startedAt: exactOptional(time),
  nextReadAt: exactOptional(time),
  expectedEndAt: exactOptional(time),
  deadlineAt: time,
  costUsd: exactOptional(usd),
  priceUsd: exactOptional(usd),
  wall: exactOptional(wallState),
  cancel: exactOptional(cancelState),
  failure: exactOptional(failureState),
  ...furtherRequests,
  evidence: exactOptional(submissionEvidence),
  warnings: exactOptional(z.array(z.string())),
} as const;

/** Fields that Temporal adds to it. */
const knownStateFields = {
  ...stateFields,
  isFromServer: exactOptional(
    z.literal(true).meta({ description: 'No worker answered: this is what Temporal keeps.' }),
  ),
  beginsAt: exactOptional(time.meta({ description: 'Its start is delayed until then: nothing was sent yet.' })),
  taskFailure: exactOptional(
    z
      .object({ attempts: z.int(), reason: z.string() })
      .meta({ id: 'TaskFailure', description: 'Workers try to go on with the generation and fail.' }),
  ),
} as const;

/** The state of a generation, without the fields of its run. */
export const generationState = z.object(knownStateFields).meta({ id: 'GenerationState' });

export const generationOutput = z
  .object({ images: z.array(z.string()), videos: z.array(z.string()), audios: z.array(z.string()) })
  .meta({ id: 'GenerationOutput', description: 'URLs by kind.' });

export const generationTimings = z
  .object({
    queueMs: exactOptional(z.int()),
    runMs: exactOptional(z.int()),
    totalMs: z.int(),
    noticedAfterMs: exactOptional(z.int()),
  })
  .meta({ id: 'GenerationTimings', description: 'Milliseconds, as far as the reads tell.' });

export const generationResult = z
  .object({
    requestId: z.string(),
    model: z.string(),
    output: generationOutput,
    outputKeys: exactOptional(z.array(z.enum(['image', 'images', 'video', 'videos', 'audio', 'audios']))),
    other: exactOptional(z.record(z.string(), z.unknown())),
    createdAt: exactOptional(z.string().meta({ description: "RunComfy's own time, as it writes it" })),
    finishedAt: exactOptional(z.string()),
    costUsd: exactOptional(usd),
    priceUsd: exactOptional(usd),
    budgets: exactOptional(z.array(z.string())),
    ...furtherRequests,
    timings: generationTimings,
    reads: z.int(),
  })
  .meta({ id: 'GenerationResult', description: 'What a generation returns.' });

/** Fields of an order, apart from model and input. */
export const orderFields = {
  requestId: exactOptional(
    z
      .string()
      .regex(/^[A-Za-z0-9_~:@=+-][A-Za-z0-9._~:@=+-]{0,254}$/)
      .meta({ description: 'Takes over a request of RunComfy instead of submitting; `input` may then be left out.' }),
  ),
  deadlineMs: exactOptional(
    z.int().min(1).max(maxStretchMs).meta({ description: 'Milliseconds after which it is given up; default a day' }),
  ),
  queueDeadlineMs: exactOptional(z.int().min(1).max(maxStretchMs)),
  maxPriceUsd: usdAtMost('Nothing is sent whose price is above this.'),
  maxCostUsd: usdAtMost('Nothing is sent whose price is above this, or unknown.'),
  budgets: exactOptional(z.array(z.string()).min(1).max(4)),
  onUnknownSubmission: exactOptional(z.enum(unknownSubmissionPolicies)),
  onCancelWhileRunning: exactOptional(z.enum(cancelWhileRunningPolicies)),
  onWall: exactOptional(z.enum(wallPolicies)),
  webhook: exactOptional(
    z
      .strictObject({
        url: z
          .string()
          .max(2_048)
          .meta({ examples: ['https://shop.example/hooks/media'] }),
        secret: z
          .string()
          .refine(isSecretName, `expected the name of secrets, ${secretNameWords}; never a secret itself`)
          .meta({
            description: 'Name of the secrets that sign it, never one itself',
            pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
          }),
        events: exactOptional(z.array(z.enum(webhookEvents)).min(1)),
      })
      .meta({ id: 'WebhookTarget', description: 'Where its end is told; default: what the API key says.' }),
  ),
  waiting: exactOptional(
    z
      .strictObject({
        preset: exactOptional(z.enum(waitingPresets)),
        secondsOfDelayPerRead: exactOptional(z.number().gt(0).max(maxSecondsOfDelay)),
      })
      .meta({ id: 'WaitingOptions', description: 'What a status read is worth.' }),
  ),
} as const;

/** The model's own fields. */
export const modelInput = z
  .record(z.string(), z.unknown())
  .meta({ id: 'ModelInput', description: "The model's own fields, sent exactly as given." });

const generationRequest = z
  // An order that takes over a request of RunComfy's may have no input.
  .strictObject({ model: z.string(), input: exactOptional(modelInput), ...orderFields })
  .meta({ id: 'GenerationRequest', description: 'An order as it was given.' });

export const generation = z
  .object({
    key: z.string(),
    tenant,
    runId: z.string(),
    ...knownStateFields,
    createdAt: time,
    closedAt: exactOptional(time),
    result: exactOptional(generationResult),
    request: exactOptional(generationRequest),
  })
  .meta({
    id: 'Generation',
    description: 'A generation: where it stands, and how it ended.',
    examples: [
      {
        key: 'order-4711',
        runId: '01980c3e-7a1b-7c0d-8e2f-3a4b5c6d7e8f',
        model: 'kling/kling-3.0/standard/image-to-video',
        phase: 'in_queue',
        submission: 'accepted',
        requestId: '7f9c2ba4-e88f-4272-b5b0-1d2f6a3c9e10',
        queuePosition: 3,
        reads: 4,
        readAt: '2026-11-26T05:00:09.120Z',
        submittedAt: '2026-11-26T05:00:01.004Z',
        deadlineAt: '2026-11-27T05:00:00.000Z',
        createdAt: '2026-11-26T05:00:00.000Z',
      },
    ],
  });

export type Generation = z.output<typeof generation>;

/** The outcome of a cancel. */
export const cancelReply = z.object({ outcome: cancelOutcome, phase }).meta({ id: 'CancelReply' });

/** The body of a cancel. */
export const cancelMessage = z
  .strictObject({ reason: exactOptional(z.string().max(1_000)) })
  .meta({ id: 'CancelRequest', examples: [{ reason: 'the customer changed their mind' }] });

import { z } from 'zod';
import { batchPhases, lineStatuses } from '../../domain/batch/batch.ts';
import {
  cancelOutcome,
  failureType,
  generationOutput,
  generationTimings,
  inputIssue,
  submission,
  submissionEvidence,
  tenant,
  time,
} from './generation.ts';
import { usd } from './money.ts';
import { isUndecodable } from './undecodable.ts';

const { exactOptional } = z;

const phase = z
  .enum(batchPhases)
  .meta({ id: 'BatchPhase', description: 'Where a batch stands; the last four are ends.' });

/** The outcome of an item. */
export const lineStatus = z.enum(lineStatuses).meta({ id: 'LineStatus', description: 'What became of an item.' });

const pause = z
  .object({
    reason: z.enum(['user', 'failures', 'budget', 'max_cost', 'balance', 'unauthenticated', 'restarted']),
    message: exactOptional(z.string()),
    since: time,
  })
  .meta({ id: 'BatchPause', description: 'What runs ends; nothing new is started.' });

const counts = z
  .object({
    total: z.int(),
    waiting: z.int(),
    inFlight: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    timedOut: z.int(),
    unknown: z.int(),
    notStarted: z.int(),
  })
  .meta({ id: 'BatchCounts', description: 'How many items stand where: `total` is the sum of the others.' });

const money = z
  .object({
    spentUsd: usd,
    presumedUsd: exactOptional(
      usd.meta({ description: 'What items may have cost that did not say: counts against `maxCostUsd`' }),
    ),
    reservedUsd: usd.meta({ description: 'Expected prices of what is in flight' }),
    maxCostUsd: exactOptional(usd),
    unpriced: z.int().meta({ description: 'Orders whose price was not known' }),
  })
  .meta({ id: 'BatchMoney' });

const failureGroup = z
  .object({
    type: z.string(),
    count: z.int(),
    lastMessage: z.string(),
    lastIds: z.array(z.string()).meta({ description: 'At most five, the latest last' }),
  })
  .meta({ id: 'BatchFailureGroup', description: 'Failures of one type.' });

const input = z
  .object({
    count: z.int().meta({ description: 'Items so far: `from` of the next `add`' }),
    digest: z.string(),
    pages: z.int(),
    numbers: exactOptional(z.array(z.int())),
  })
  .meta({ id: 'BatchInput' });

const batchCancelOutcome = z
  .object({
    cancelled: z.int(),
    notCancellable: z.int(),
    tooLate: z.int(),
    unknown: z.int(),
    notSubmitted: z.int(),
    neverStarted: z.int(),
  })
  .meta({ id: 'BatchCancelOutcome', description: 'Items by what became of them.' });

/** The state of a batch. */
export const batch = z
  .object({
    key: z.string(),
    tenant,
    runId: z.string(),
    phase,
    sealed: z.boolean().meta({ description: 'No more items will come.' }),
    window: z.int(),
    paused: exactOptional(pause),
    counts,
    money,
    failures: z.array(failureGroup),
    rate: exactOptional(z.object({ perMinute: z.number(), etaAt: exactOptional(time) }).meta({ id: 'BatchRate' })),
    startedAt: time,
    endedAt: exactOptional(time),
    resultPages: z.int(),
    input,
    cancel: exactOptional(
      z
        .object({
          requestedAt: time,
          reason: exactOptional(z.string()),
          detach: exactOptional(z.boolean()),
          outcome: exactOptional(batchCancelOutcome),
        })
        .meta({ id: 'BatchCancelState' }),
    ),
    failure: exactOptional(z.object({ type: failureType, message: z.string() }).meta({ id: 'BatchFailure' })),
    isFromServer: exactOptional(z.literal(true).meta({ description: 'No worker answered: what Temporal keeps.' })),
    beginsAt: exactOptional(time.meta({ description: 'Its start is delayed until then: nothing was ordered yet.' })),
  })
  .meta({ id: 'Batch', description: 'Many orders, so many at a time: where they stand.' });

export type Batch = z.output<typeof batch>;

/** The result of a batch. */
export const batchResult = z
  .object({
    key: z.string(),
    phase: z.enum(['succeeded', 'partial', 'failed', 'cancelled']),
    counts,
    money,
    failures: z.array(failureGroup),
    startedAt: time,
    endedAt: time,
    resultPages: z.int(),
  })
  .meta({ id: 'BatchResult', description: 'Counts and money, however the items ended.' });

const lineError = z
  .object({
    type: failureType,
    message: z.string(),
    submission: exactOptional(submission),
    issues: exactOptional(z.array(inputIssue)),
    cancel: exactOptional(cancelOutcome),
    evidence: exactOptional(submissionEvidence),
  })
  .meta({ id: 'BatchLineError', description: 'Why an item has no output.' });

/** The result line of an item. */
export const batchLine = z
  .object({
    id: z.string(),
    key: z.string().meta({ description: "The item's generation, or its pipeline" }),
    status: lineStatus,
    output: exactOptional(generationOutput),
    outputs: exactOptional(z.record(z.string(), z.unknown())),
    requestId: exactOptional(z.string()),
    costUsd: exactOptional(usd),
    priceUsd: exactOptional(usd),
    timings: exactOptional(generationTimings),
    attached: exactOptional(z.literal(true).meta({ description: 'Somebody else had ordered it before.' })),
    error: exactOptional(lineError),
    truncated: exactOptional(z.literal(true).meta({ description: 'The rest is under its key.' })),
  })
  .meta({ id: 'BatchLine', description: 'The result of one item, whatever became of it.' });

export type BatchLineBody = z.output<typeof batchLine>;

/** A page of result lines. */
export const batchLines = z.object({ lines: z.array(batchLine), nextPageToken: exactOptional(z.string()) }).meta({
  id: 'BatchLines',
  description: 'A page, in the order of ending; it may be short, and lines follow, or will, while there is a token.',
});

const row = z
  .object({
    key: z.string(),
    tenant,
    runId: z.string(),
    phase,
    counts: exactOptional(counts),
    costUsd: exactOptional(usd),
    labels: exactOptional(z.record(z.string(), z.string())),
    startedAt: time,
    closedAt: exactOptional(time),
    isUndecodable: exactOptional(isUndecodable),
  })
  .meta({ id: 'BatchRow' });

/** A page of batches. */
export const batchList = z
  .object({ batches: z.array(row), nextPageToken: exactOptional(z.string()) })
  .meta({ id: 'BatchList', description: 'A page; it may be short, and others follow while there is a token.' });

/** The outcomes of a cancelled batch's items. */
export const batchCancelReply = z
  .object({
    outcome: batchCancelOutcome,
    phase,
  })
  .meta({ id: 'BatchCancelReply' });

/** The number of items of a batch. */
export const itemCount = z.object({ count: z.int() }).meta({ id: 'ItemCount', description: 'Items of the batch.' });

/** The settings of a batch after a change. */
export const batchSetting = z
  .object({ window: z.int(), maxCostUsd: exactOptional(usd) })
  .meta({ id: 'BatchSetting', description: 'What holds now; without `maxCostUsd` there is no limit.' });

/** The phase of a batch after a message. */
export const batchTold = z.object({ phase }).meta({ id: 'BatchTold' });

import { z } from 'zod';
import { failureTypes } from '../../domain/failure-type.ts';
import { pipelinePhases, stepPhases } from '../../domain/pipeline/pipeline-run.ts';
import {
  cancelOutcome,
  failureType,
  generationOutput,
  generationState,
  inputIssue,
  submission,
  tenant,
  time,
} from './generation.ts';
import { furtherRequests, usd } from './money.ts';
import { isUndecodable } from './undecodable.ts';

const { exactOptional } = z;

const phase = z.enum(pipelinePhases).meta({ id: 'PipelinePhase', description: 'Where a pipeline stands.' });
const stepPhase = z.enum(stepPhases).meta({ id: 'StepPhase', description: 'Where a step, or an item of it, stands.' });

const stepFailureType = z.enum([...failureTypes, 'OutputMissing', 'ApprovalRejected']);

const stepFailure = z
  .object({
    type: stepFailureType,
    message: z.string(),
    submission: exactOptional(submission),
    cancel: exactOptional(cancelOutcome),
    step: exactOptional(z.string()),
    key: exactOptional(z.string()),
    requestId: exactOptional(z.string()),
    costUsd: exactOptional(usd),
    ...furtherRequests,
    budget: exactOptional(z.string()),
    issues: exactOptional(z.array(inputIssue)),
  })
  .meta({ id: 'StepFailure', description: 'Why a step, or an order of it, failed.' });

const attempt = z
  .object({
    key: z.string(),
    model: z.string(),
    outcome: z.string(),
    costUsd: exactOptional(usd),
    submission: exactOptional(submission),
    cancel: exactOptional(cancelOutcome),
  })
  .meta({ id: 'AttemptState', description: 'One order that was tried: `succeeded`, or the type of its failure.' });

const orderFields = {
  key: exactOptional(z.string().meta({ description: 'The generation under which it was ordered' })),
  model: exactOptional(z.string()),
  requestId: exactOptional(z.string()),
  output: exactOptional(generationOutput),
  priceUsd: exactOptional(usd),
  costUsd: exactOptional(usd),
  reused: exactOptional(z.boolean().meta({ description: 'An earlier run had ordered it already.' })),
  attempts: exactOptional(z.array(attempt)),
  failure: exactOptional(stepFailure),
} as const;

const itemState = z.object({ index: z.int(), phase: stepPhase, ...orderFields }).meta({ id: 'ItemState' });

const approvalState = z
  .object({
    message: exactOptional(z.string()),
    choices: exactOptional(z.array(z.string())),
    count: exactOptional(z.int()),
    deadlineAt: time,
    onDeadline: z.enum(['reject', 'approve']),
    decision: exactOptional(z.enum(['approve', 'reject'])),
    chosen: exactOptional(z.array(z.string())),
    reason: exactOptional(z.string()),
    by: exactOptional(z.string()),
  })
  .meta({ id: 'ApprovalState', description: 'What is to be decided, and what was.' });

const stepState = z
  .object({
    id: z.string(),
    phase: stepPhase,
    ...orderFields,
    waitsFor: exactOptional(z.array(z.string())),
    reason: exactOptional(z.string()),
    approval: exactOptional(approvalState),
    items: exactOptional(z.array(itemState)),
  })
  .meta({ id: 'StepState' });

const cancelState = z
  .object({
    requestedAt: time,
    reason: exactOptional(z.string()),
    detach: exactOptional(z.boolean()),
    outcome: exactOptional(cancelOutcome),
  })
  .meta({ id: 'PipelineCancelState' });

const presumedUsd = exactOptional(
  usd.meta({
    description: 'Expected prices of orders that ended without saying what they cost: count against `maxCostUsd`',
  }),
);

export const pipeline = z
  .object({
    key: z.string(),
    tenant,
    runId: z.string(),
    phase,
    startedAt: time,
    deadlineAt: time,
    endedAt: exactOptional(time),
    costUsd: usd,
    presumedUsd,
    reservedUsd: usd,
    maxCostUsd: exactOptional(usd),
    steps: z.array(stepState),
    cancel: exactOptional(cancelState),
    failure: exactOptional(
      z
        .object({ type: failureType, message: z.string(), step: exactOptional(z.string()) })
        .meta({ id: 'PipelineFailure' }),
    ),
    warnings: z.array(z.string()),
    truncated: exactOptional(z.boolean()),
    orders: exactOptional(
      z.record(z.string(), generationState).meta({ description: 'Open generations by key, at most 20 of them' }),
    ),
    isFromServer: exactOptional(z.literal(true).meta({ description: 'No worker answered: what Temporal keeps.' })),
    beginsAt: exactOptional(time.meta({ description: 'Its start is delayed until then: nothing was ordered yet.' })),
  })
  .meta({ id: 'Pipeline', description: 'A pipeline: where it and its steps stand.' });

export type Pipeline = z.output<typeof pipeline>;

const stepSummary = z
  .object({
    phase: stepPhase,
    key: exactOptional(z.string()),
    output: exactOptional(generationOutput),
    costUsd: exactOptional(usd),
    reused: exactOptional(z.boolean()),
    submission: exactOptional(submission),
    cancel: exactOptional(cancelOutcome),
    failure: exactOptional(z.object({ type: stepFailureType, message: z.string(), budget: exactOptional(z.string()) })),
    choices: exactOptional(z.array(z.string())),
  })
  .meta({ id: 'StepSummary' });

export const pipelineResult = z
  .object({
    key: z.string(),
    phase: z.enum(['succeeded', 'partial']),
    outputs: z.record(z.string(), z.unknown()),
    steps: z.record(z.string(), stepSummary),
    costUsd: usd,
    presumedUsd,
    unpriced: exactOptional(
      z.int().meta({ description: 'Orders that may have cost something, of which neither cost nor price is known' }),
    ),
    startedAt: time,
    endedAt: time,
  })
  .meta({ id: 'PipelineResult', description: 'What a pipeline returns.' });

const row = z
  .object({
    key: z.string(),
    tenant,
    runId: z.string(),
    phase,
    costUsd: exactOptional(usd),
    steps: exactOptional(z.int()),
    succeeded: exactOptional(z.int()),
    labels: exactOptional(z.record(z.string(), z.string())),
    startedAt: time,
    closedAt: exactOptional(time),
    isUndecodable: exactOptional(isUndecodable),
  })
  .meta({ id: 'PipelineRow' });

export const pipelineList = z
  .object({ pipelines: z.array(row), nextPageToken: exactOptional(z.string()) })
  .meta({ id: 'PipelineList', description: 'A page; it may be short, and others follow while there is a token.' });

export const pipelineCancelReply = z
  .object({
    outcome: cancelOutcome,
    phase,
    steps: z.array(
      z.object({
        id: z.string(),
        index: exactOptional(z.int()),
        key: exactOptional(z.string()),
        outcome: cancelOutcome,
      }),
    ),
  })
  .meta({ id: 'PipelineCancelReply', description: 'The worst outcome, and that of each order.' });

export const decisionReply = z.object({ phase }).meta({ id: 'DecisionReply' });

export const pipelinePreview = z
  .object({
    key: z.string(),
    attached: z.boolean(),
    orders: z.array(
      z
        .object({
          step: z.string(),
          index: exactOptional(z.int()),
          decision: z.enum(['reuse', 'attach', 'order', 'fail']),
          reason: exactOptional(z.string()),
          model: exactOptional(z.string()),
          key: exactOptional(z.string()),
          priceUsd: exactOptional(usd),
        })
        .meta({ id: 'PreviewedOrder' }),
    ),
    steps: z.array(
      z
        .object({ step: z.string(), decision: z.enum(['skip', 'ask', 'fail']), reason: z.string() })
        .meta({ id: 'PreviewedStep' }),
    ),
    ordered: z.int(),
    reused: z.int(),
    currency: z.literal('USD'),
    totalUsd: exactOptional(usd),
    atLeastUsd: usd,
    warnings: z.array(z.string()),
  })
  .meta({
    id: 'PipelinePreview',
    description: 'What a start would order; without `priceUsd`, `totalUsd`: nobody knows.',
  });

export type PipelinePreviewBody = z.output<typeof pipelinePreview>;

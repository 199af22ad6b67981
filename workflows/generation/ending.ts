import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  log,
  metricMeter,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import { isFailureType } from '../../domain/failure-type.ts';
import type { FailureDetails, GenerationResult, Phase, Submission } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { SearchAttributeName } from '../../domain/names.ts';
import { searchAttributes } from '../../domain/names.ts';
import type { Order } from './order.ts';

interface End {
  type: FailureType;
  phase: Extract<Phase, 'failed' | 'cancelled' | 'timed_out' | 'submission_unknown'>;
  message: string;
  submission?: Submission;
  details?: Partial<FailureDetails>;
  cause?: unknown;
}

/** Records how the generation ends and makes the failure to throw: every field of it can be read in `state` as well. */
export function endOf(order: Order, end: End): ApplicationFailure {
  const { state } = order;
  state.phase = end.phase;
  if (end.submission) state.submission = end.submission;
  const details: FailureDetails = {
    model: state.model,
    key: order.key,
    phase: state.phase,
    submission: state.submission,
    ...(state.requestId !== undefined && { requestId: state.requestId }),
    ...(state.cancel && { cancel: state.cancel }),
    ...(state.otherRequestIds && { otherRequestIds: state.otherRequestIds }),
    ...(state.evidence && { evidence: state.evidence }),
    ...end.details,
  };
  const where = [`model ${state.model === '' ? '(none)' : state.model}`, `key ${order.key}`];
  if (state.requestId !== undefined) where.push(`request ${state.requestId}`);
  const message = `${end.message} (${where.join(', ')})`;
  state.failure = { type: end.type, message, details };
  return ApplicationFailure.create({
    type: end.type,
    message,
    nonRetryable: true,
    details: [details],
    ...(end.cause instanceof Error && { cause: end.cause }),
  });
}

/** The end of a generation that was stopped, never sent, or let go. A cancelled workflow closes as Canceled. */
export function cancelledEnd(order: Order, message: string): ApplicationFailure | CancelledFailure {
  const failure = endOf(order, { type: 'GenerationCancelled', phase: 'cancelled', message });
  return order.isWorkflowCancelled ? new CancelledFailure(failure.message) : failure;
}

/** What an activity said when it failed for good: its type, its own words and details. */
export function reasonOf(error: unknown): {
  type: FailureType | undefined;
  message: string;
  details: ActivityFailureDetails;
} {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) {
    return { type: undefined, message: cause instanceof Error ? cause.message : String(cause), details: {} };
  }
  const first = cause.details?.[0];
  return {
    type: isFailureType(cause.type) ? cause.type : undefined,
    message: cause.message,
    details: isJsonObject(first) ? first : {},
  };
}

/** The generation's end when an activity failed for good. */
export function endByActivity(order: Order, error: unknown, submission?: Submission): ApplicationFailure {
  const { type, message, details } = reasonOf(error);
  order.state.reads += details.reads ?? 0;
  const { httpStatus, vendorCode, vendorMessage, issues } = details;
  return endOf(order, {
    type: type ?? 'ServiceUnavailable',
    phase: 'failed',
    message,
    ...(submission && { submission }),
    details: {
      ...(httpStatus !== undefined && { httpStatus }),
      ...(vendorCode !== undefined && { vendorCode }),
      ...(vendorMessage !== undefined && { vendorMessage }),
      ...(issues && { issues }),
    },
    cause: error,
  });
}

/** Shows the order where operators look: in the search attributes that the server knows. */
export function publish(order: Order, more: { costUsd?: number; queueMs?: number; runMs?: number } = {}): void {
  const { state } = order;
  const values: Record<SearchAttributeName, string | number | undefined> = {
    RunComfyModel: state.model,
    RunComfyRequestId: state.requestId,
    RunComfyPhase: state.phase,
    RunComfyCostUsd: more.costUsd,
    RunComfyQueueMs: more.queueMs,
    RunComfyRunMs: more.runMs,
  };
  const changed = order.searchAttributes.flatMap((name) => {
    const value = isSearchAttribute(name) ? values[name] : undefined;
    if (!isSearchAttribute(name) || value === undefined || order.published[name] === value) return [];
    order.published[name] = value;
    const type = searchAttributes[name];
    return [{ key: { name, type: type === 'Keyword' ? 'KEYWORD' : type === 'Int' ? 'INT' : 'DOUBLE' }, value }];
  });
  if (changed.length > 0) upsertSearchAttributes(changed as Parameters<typeof upsertSearchAttributes>[0] & unknown[]);
}

/** Counts the end of a generation, once. */
export function countEnd(order: Order, result?: GenerationResult): void {
  const { state } = order;
  const tags = { outcome: state.phase, model: state.model };
  metricMeter.createCounter('runcomfy_generations', '{generation}', 'Generations by outcome').add(1, tags);
  metricMeter
    .createHistogram('runcomfy_generation_reads', 'int', '{read}', 'Status and result reads of one generation')
    .record(state.reads, tags);
  if (result?.timings.noticedAfterMs !== undefined) {
    metricMeter
      .createHistogram('runcomfy_noticed_after', 'int', 'ms', 'From the end at RunComfy to the read that saw it')
      .record(result.timings.noticedAfterMs, tags);
  }
  if (result?.costUsd !== undefined) {
    metricMeter
      .createHistogram('runcomfy_generation_cost', 'float', 'USD', 'Cost of one generation as RunComfy states it')
      .record(result.costUsd, tags);
  }
  log.info('generation ended', {
    phase: state.phase,
    model: state.model,
    requestId: state.requestId,
    reads: state.reads,
    failure: state.failure?.type,
  });
}

function isSearchAttribute(name: string): name is SearchAttributeName {
  return Object.hasOwn(searchAttributes, name);
}

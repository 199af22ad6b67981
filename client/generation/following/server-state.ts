import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription, WorkflowExecutionInfo } from '@temporalio/client';

import { isFailureType } from '../../../domain/failure-type.ts';
import { defaultDeadlineMs, phases } from '../../../domain/generation.ts';
import type { FailureDetails, GenerationResult, GenerationState, Phase } from '../../../domain/generation.ts';
import type { SearchAttributeName } from '../../../domain/names.ts';

import { firstDetail } from '../../errors.ts';
import { readOriginalRequest } from '../original-request.ts';

/** A generation's state; `isFromServer` where no worker answered and Temporal's own records had to do. */
export interface KnownState extends GenerationState {
  /**
   * No worker answered: phase, ids and times are what the server keeps, `reads` is 0 unless the generation has ended, and
   * `submission` is `unknown` unless a request id or an ending says more.
   */
  isFromServer?: true;
}

/** What Temporal knows of a generation without asking any worker: search attributes, pending activities, first and last event. */
export async function readServerState(client: Client, info: WorkflowExecutionDescription): Promise<KnownState> {
  const { workflowId: key, runId } = info;
  const first = await readOriginalRequest(client, key, runId);
  const { model: modelAsked, deadlineMs } = first?.request ?? {};
  const startedAt = first?.startedAt ?? info.startTime;
  const requestId = attributeOf(info, 'RunComfyRequestId') ?? first?.request.requestId;
  const known: KnownState = {
    phase: phaseOf(
      info,
      info.raw.pendingActivities?.map(({ activityType }) => activityType?.name ?? ''),
    ),
    model: attributeOf(info, 'RunComfyModel') ?? (typeof modelAsked === 'string' ? modelAsked : ''),
    submission: requestId === undefined ? 'unknown' : 'accepted',
    ...(requestId !== undefined && { requestId }),
    reads: 0,
    deadlineAt: new Date(
      startedAt.getTime() + (typeof deadlineMs === 'number' ? deadlineMs : defaultDeadlineMs),
    ).toISOString(),
    isFromServer: true,
  };
  if (info.status.name === 'COMPLETED' || info.status.name === 'FAILED') {
    return { ...known, ...(await readEnding(client, key, runId)) };
  }
  return known;
}

type Indexed = Pick<WorkflowExecutionInfo, 'status' | 'typedSearchAttributes'>;

/** Text of one of our search attributes, where the server knows it and the workflow has set it. */
export function attributeOf(info: Indexed, name: SearchAttributeName): string | undefined {
  const pair = info.typedSearchAttributes.getAll().find(({ key }) => key.name === name);
  return typeof pair?.value === 'string' ? pair.value : undefined;
}

/** How a run stands by its search attribute, else by its status. */
export function phaseOf(info: Indexed, pendingActivities: string[] = []): Phase {
  switch (info.status.name) {
    case 'COMPLETED':
      return 'succeeded';
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled';
    case 'TIMED_OUT':
      return 'timed_out';
    case 'FAILED':
      return phaseAttributeOf(info) ?? 'failed';
    case 'RUNNING':
    case 'PAUSED':
    case 'CONTINUED_AS_NEW':
    case 'UNKNOWN':
    case 'UNSPECIFIED':
      return phaseAttributeOf(info) ?? phaseByActivity(pendingActivities);
  }
}

function phaseAttributeOf(info: Indexed): Phase | undefined {
  const word = attributeOf(info, 'RunComfyPhase');
  return phases.find((phase) => phase === word);
}

function phaseByActivity(pendingActivities: string[]): Phase {
  if (pendingActivities.includes('fetchResult')) return 'fetching_result';
  return pendingActivities.includes('readStatus') ? 'in_queue' : 'submitting';
}

async function readEnding(client: Client, key: string, runId: string): Promise<Partial<GenerationState>> {
  try {
    const result = (await client.workflow.result(key, runId, {
      followRuns: false,
    })) as GenerationResult;
    return {
      phase: 'succeeded',
      submission: 'accepted',
      requestId: result.requestId,
      reads: result.reads,
    };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    const { type, message } = error.cause;
    const details = firstDetail(error.cause) ?? {};
    const { phase, submission, requestId, cancel, otherRequestIds, evidence } = details;
    return {
      ...(phase && { phase }),
      ...(submission && { submission }),
      ...(requestId !== undefined && { requestId }),
      ...(cancel && { cancel }),
      ...(otherRequestIds && { otherRequestIds }),
      ...(evidence && { evidence }),
      ...(isFailureType(type) && {
        failure: { type, message, details: details as FailureDetails },
      }),
    };
  }
}

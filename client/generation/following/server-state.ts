import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../../domain/failure-details.ts';
import { isFailureType } from '../../../domain/failure-type.ts';
import {
  defaultDeadlineMs,
  type FailureDetails,
  type FailureState,
  type GenerationResult,
  type GenerationState,
} from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { isStretchMs } from '../../../domain/request-checks.ts';
import { isRequestId } from '../../../domain/request.ts';
import { endedOutside } from '../../errors.ts';
import { beginningOf } from '../delayed-start.ts';
import { readOriginalRequest } from '../original-request.ts';
import { attributeOf, isClosed, modelOf, type RunDescription, type RunInfo } from '../run-info.ts';
import { phaseByActivity, phaseOf } from './phase.ts';
import { readTaskFailure, type TaskFailure } from './task-failure.ts';

/** A generation's state; `isFromServer` if no worker answered and it was made from Temporal's own records. */
export interface KnownState extends GenerationState {
  /**
   * No worker answered: phase, ids and times are those that the server keeps, `reads` is 0 unless the generation has
   * ended, and `submission` is `unknown` unless a request id, the ending or `beginsAt` says more.
   */
  isFromServer?: true;
  /** Its start is delayed until then, ISO 8601: no worker has been given any of it, and nothing was sent. */
  beginsAt?: string;
  /** When the end is expected, from the durations that workers have learned; ISO 8601. */
  expectedEndAt?: string;
  /** Workers fail on the generation's tasks: nothing happens until that is mended. */
  taskFailure?: TaskFailure;
}

/**
 * A generation's state from Temporal's records, without a worker: search attributes, pending activities, first and last
 * event.
 */
export async function readServerState(client: Client, run: RunDescription): Promise<KnownState> {
  const { key, runId } = run;
  const first = await readOriginalRequest(client, key, runId);
  const { model: modelAsked, requestId: idAsked, deadlineMs } = first?.request ?? {};
  const closed = isClosed(run);
  const beginsAt = await beginningOf(client, run);
  // Each run of a cron schedule begins at a time of its own.
  const begins = beginsAt ?? first?.beginsAt ?? run.beginsAt ?? run.startedAt;
  const requestId = attributeOf(run, 'RunComfyRequestId') ?? (isRequestId(idAsked) ? idAsked : undefined);
  const unsaid = beginsAt ? 'not_sent' : 'unknown';
  const known: KnownState = {
    phase: phaseOf(run) ?? (closed ? 'failed' : phaseByActivity(run.pendingActivities)),
    model: modelOf(run) ?? (typeof modelAsked === 'string' ? modelAsked : ''),
    submission: requestId === undefined ? unsaid : 'accepted',
    ...(requestId !== undefined && { requestId }),
    reads: 0,
    deadlineAt: new Date(begins.getTime() + (isStretchMs(deadlineMs) ? deadlineMs : defaultDeadlineMs)).toISOString(),
    isFromServer: true,
    ...(beginsAt && { beginsAt: beginsAt.toISOString() }),
  };
  if (!closed) {
    const taskFailure = await readTaskFailure(client, run);
    return { ...known, ...(taskFailure && { taskFailure }) };
  }
  return endedState(client, run, known);
}

/** The state with what Temporal knows of the run's end, which wins over what the workflow said last. */
export async function endedState<State extends GenerationState>(
  client: Client,
  run: RunInfo,
  state: State,
): Promise<State> {
  const { nextReadAt: _, ...last } = state as GenerationState;
  const phase = phaseOf(run) ?? last.phase;
  const ended = { ...last, phase } as State;
  if (run.status === 'completed' || run.status === 'failed') {
    return { ...ended, ...(await readEnding(client, run.key, run.runId)) };
  }
  const failure = failureOutside(run, ended);
  return { ...ended, ...(failure && !ended.failure && { failure }) };
}

function failureOutside({ status, key }: RunInfo, state: GenerationState): FailureState | undefined {
  if (status !== 'terminated' && status !== 'timed_out') return undefined;
  const { model, phase, submission, requestId } = state;
  const details = { model, key, phase, submission, ...(requestId !== undefined && { requestId }) };
  return { ...endedOutside(status, key, requestId), details };
}

async function readEnding(client: Client, key: string, runId: string): Promise<Partial<GenerationState>> {
  try {
    const result = (await client.workflow.result(key, runId, { followRuns: false })) as GenerationResult;
    return { phase: 'succeeded', submission: 'accepted', requestId: result.requestId, reads: result.reads };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (!(error.cause instanceof ApplicationFailure)) return { phase: 'failed' };
    const { type, message } = error.cause;
    const details = readFailureDetails(error.cause);
    const { phase, submission, requestId, cancel, costUsd, evidence } = details;
    const { otherRequestIds, otherCostUsd, otherCostsUnknown } = details;
    return withoutUndefined({
      phase,
      submission,
      requestId,
      cancel,
      otherRequestIds,
      otherCostUsd,
      otherCostsUnknown,
      costUsd,
      evidence,
      failure: isFailureType(type) ? { type, message, details: details as FailureDetails } : undefined,
    });
  }
}

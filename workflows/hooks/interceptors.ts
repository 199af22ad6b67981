import {
  type ActivateInput,
  ApplicationFailure,
  type ConcludeActivationOutput,
  upsertSearchAttributes,
  workflowInfo,
  type WorkflowInterceptors,
} from '@temporalio/workflow';
import { wellFormed } from '../../domain/text.ts';

/** A search attribute that no namespace has; the server's error names it when it refuses a task for it. */
export const aheadOfTask = 'RunComfyQueryRanAheadOfThisTask';

/** The message of a task that is failed for the same reason. */
export const aheadOfTaskSentence =
  'a query was answered from events that no task had taken in yet, and the run went on from there; this task is done again from the history';

/**
 * Keeps queries from spoiling a history. A query that waited for a worker is answered from all events that came
 * meanwhile, including those that no task has processed yet, and the SDK goes on from there: with a time that is past,
 * and handling a message of the next task after those events, while a replay handles it before them. None of that may
 * be recorded. A task with news is failed here. A task without news never gets here, so the server is made to refuse
 * it. Both are then done again from the history. The query still gets its answer, unless it meets a run that an earlier
 * query has read ahead of; for a closed run, the answer is as of its last event.
 *
 * Also keeps failures from ending workers, by making their texts well formed.
 */
export const interceptors = (): WorkflowInterceptors => {
  let last: Seen | undefined;
  let isAhead = false;
  return {
    internals: [
      {
        activate(input, next) {
          const jobs = input.activation.jobs ?? [];
          if (!jobs.some(({ queryWorkflow }) => queryWorkflow)) {
            const seen = see(input.activation);
            if (last !== undefined && seen.historyLength !== last.historyLength && !jobs.every(isLocal)) {
              const isTask = isBeginOfTask(seen, last);
              if (isTask && (isAhead || lacksEvents(jobs, seen.historyLength - last.historyLength))) {
                throw ApplicationFailure.create({ message: aheadOfTaskSentence });
              }
              if (!isTask && !isAhead && !workflowInfo().unsafe.isReplaying) {
                isAhead = true;
                upsertSearchAttributes([{ key: { name: aheadOfTask, type: 'KEYWORD' }, value: aheadOfTask }]);
              }
            }
            last = seen;
          }
          next(input);
        },
        concludeActivation(input, next) {
          const output = next(input);
          for (const { updateResponse, failWorkflowExecution, respondToQuery } of output.commands) {
            const failures = [updateResponse?.rejected, failWorkflowExecution?.failure, respondToQuery?.failed];
            failures.forEach(makeWellFormed);
          }
          const isRefusal = output.commands.length > 0 && output.commands.every((it) => it.updateResponse?.rejected);
          // The server may record no event for a task with refusals only; the next task then has the same history
          // length.
          if (isRefusal && last) last = { ...last, historyLength: Number.NEGATIVE_INFINITY };
          return output;
        },
      },
    ],
  };
};

type Command = ConcludeActivationOutput['commands'][number];
type Failure = NonNullable<Command['failWorkflowExecution']>['failure'];

/**
 * Half a character in a short text of a failure leaves the SDK as bytes that are not UTF-8. The SDK's core cannot read
 * such a task, and the worker ends, as does the next one that the server gives the task to.
 */
function makeWellFormed(failure: Failure): void {
  for (let each = failure; each; each = each.cause) {
    each.message = wellFormed(each.message ?? '');
    each.stackTrace = wellFormed(each.stackTrace ?? '');
  }
}

/** What an activation says about the history. */
interface Seen {
  time: string;
  historySize: number;
  /** Number of the last event; it does not change within a task. */
  historyLength: number;
}

function see({ timestamp }: ActivateInput['activation']): Seen {
  const { historySize, historyLength } = workflowInfo();
  return { time: `${String(timestamp?.seconds)}.${String(timestamp?.nanos)}`, historySize, historyLength };
}

/**
 * Whether an activation begins a task, which sets the time and the size of the history. A task that the server begins
 * while it records the previous one has the size of that one; if a clock was set back, it has its time.
 */
function isBeginOfTask(seen: Seen, last: Seen): boolean {
  return seen.time !== last.time || seen.historySize !== last.historySize;
}

/**
 * Whether the history has grown by fewer events than these jobs need. From one recorded task to the next there are the
 * end of the one, the scheduling and the start of the other, and one event per job. A task that brought nothing, or
 * failed, is not seen here, but sets the time and the size.
 */
function lacksEvents(jobs: readonly Job[], grownBy: number): boolean {
  return grownBy < 3 + jobs.filter(hasEvent).length;
}

type Job = NonNullable<ActivateInput['activation']['jobs']>[number];

function hasEvent(job: Job): boolean {
  const { signalWorkflow, cancelWorkflow, fireTimer, resolveActivity } = job;
  return Boolean(signalWorkflow ?? cancelWorkflow ?? fireTimer ?? (isLocal(job) ? undefined : resolveActivity));
}

function isLocal({ resolveActivity }: Job): boolean {
  return resolveActivity?.isLocal === true;
}

import {
  type ActivateInput,
  ApplicationFailure,
  type ConcludeActivationOutput,
  upsertSearchAttributes,
  workflowInfo,
  type WorkflowInterceptors,
} from '@temporalio/workflow';
import { wellFormed } from '../../domain/text.ts';

/** A search attribute that no namespace has: what the server says of a task that was refused for it. */
export const aheadOfTask = 'RunComfyQueryRanAheadOfThisTask';

/** What is said of a task that was failed for it. */
export const aheadOfTaskSentence =
  'a query was answered from events that no task had taken in yet, and the run went on from there; this task is done again from the history';

/**
 * Keeps queries from spoiling a history. One that waited for a worker is answered from all events that came meanwhile, also
 * from those that no task has taken in yet, and the SDK goes on from there: at a time that is past, and with a message of
 * the task to come heard after those events, while a replay hears it before them. Nothing of that may be recorded. A task
 * that has news is failed here; one that has none never gets here, so the server is made to refuse it. Either is then done
 * again from the history. The query keeps its answer, unless it comes upon a run that one before has read ahead of; of a run
 * that is closed the answer is of its last event.
 *
 * Keeps failures from ending workers, too: their texts leave well formed.
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
          // Of a task that has nothing else the server may keep no event: then the next has the same length as this one.
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
 * Half a character in a short text of a failure leaves the SDK as bytes that are no UTF-8. Its core can read nothing of
 * such a task and the worker ends, as does the next one that the server gives the task to.
 */
function makeWellFormed(failure: Failure): void {
  for (let each = failure; each; each = each.cause) {
    each.message = wellFormed(each.message ?? '');
    each.stackTrace = wellFormed(each.stackTrace ?? '');
  }
}

/** What an activation says of the history. */
interface Seen {
  time: string;
  historySize: number;
  /** The number of the last event; what comes within a task leaves it as it is. */
  historyLength: number;
}

function see({ timestamp }: ActivateInput['activation']): Seen {
  const { historySize, historyLength } = workflowInfo();
  return { time: `${String(timestamp?.seconds)}.${String(timestamp?.nanos)}`, historySize, historyLength };
}

/**
 * The begin of a task sets the time and tells the size of the history. A task that the server begins as it records the one
 * before has the size of that, and where a clock goes back the time.
 */
function isBeginOfTask(seen: Seen, last: Seen): boolean {
  return seen.time !== last.time || seen.historySize !== last.historySize;
}

/**
 * From one recorded task to the next there are the end of the one, the schedule and the begin of the other, and an event
 * for each of these jobs. A task that brought nothing, or failed, is not seen here, but sets the time and the size.
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

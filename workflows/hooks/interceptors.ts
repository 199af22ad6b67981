import {
  ApplicationFailure,
  upsertSearchAttributes,
  workflowInfo,
  type WorkflowInterceptors,
} from '@temporalio/workflow';

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
 * again from the history. The query keeps its answer, and of a run that is closed the answer is of its last event.
 */
export const interceptors = (): WorkflowInterceptors => {
  let last = { time: '', historySize: 0, historyLength: 0 };
  let isAhead = false;
  return {
    internals: [
      {
        activate(input, next) {
          const { jobs, timestamp } = input.activation;
          if (!jobs?.some(({ queryWorkflow }) => queryWorkflow)) {
            const { historySize, historyLength, unsafe } = workflowInfo();
            const time = `${String(timestamp?.seconds)}.${String(timestamp?.nanos)}`;
            // What comes within a task leaves the length as it is. The begin of one sets the time and the size; a task that
            // the server begins as it records the one before has the size of that, and where a clock goes back the time.
            const isMoreRead = historyLength !== last.historyLength;
            const isTask = time !== last.time || historySize !== last.historySize;
            if (isMoreRead && isTask && isAhead) throw ApplicationFailure.create({ message: aheadOfTaskSentence });
            if (isMoreRead && !isTask && !isAhead && !unsafe.isReplaying) {
              isAhead = true;
              upsertSearchAttributes([{ key: { name: aheadOfTask, type: 'KEYWORD' }, value: aheadOfTask }]);
            }
            last = { time, historySize, historyLength };
          }
          next(input);
        },
      },
    ],
  };
};

import { condition, patched, workflowInfo } from '@temporalio/workflow';
import { pipelineTaskTimeoutMs } from '../domain/pipeline/pipeline.ts';

/**
 * What came of several local activities at once is handed to a replay together, though it came at different moments; and so
 * is what came beside one after the server was told that the task goes on, eight seconds after its begin. What follows would
 * be done in another order, and the run could go on no more.
 */
const longestTaskMs = 7_000;

/** Of this workflow: each has its modules for itself. */
let isTaken = false;
let areKept: boolean | undefined;
/** What the local activities of this task may take together; a task is known by the length of the history before it. */
let asked = { task: -1, ms: 0 };

function areTurnsKept(): boolean {
  areKept ??= patched('local-activities-take-turns');
  return areKept;
}

/**
 * Whether a local activity of a pipeline that takes so long at most may begin now: none is under way, and the task has the
 * time. The server's ten seconds for a task are not enough where a worker is kept from its processor.
 */
export function hasTurn(ms: number): boolean {
  const { historyLength: task, taskTimeoutMs } = workflowInfo();
  if (taskTimeoutMs < pipelineTaskTimeoutMs && patched('local-activities-need-long-tasks')) return false;
  if (asked.task !== task) asked = { task, ms: 0 };
  if ((isTaken || asked.ms + ms > longestTaskMs) && areTurnsKept()) return false;
  asked.ms += ms;
  return true;
}

/** Has local activities run one after the other: one that is called while another is under way waits for it. */
export function inTurns<Calls extends object>(calls: Calls): Calls {
  return new Proxy(calls, {
    get(target, name) {
      const call = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        while (isTaken && areTurnsKept()) await condition(() => !isTaken);
        isTaken = true;
        try {
          return await call(...args);
        } finally {
          isTaken = false;
        }
      };
    },
  });
}

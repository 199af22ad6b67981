import { condition, patched, workflowInfo } from '@temporalio/workflow';
import { pipelineTaskTimeoutMs } from '../domain/pipeline/pipeline.ts';

/**
 * Longest time for the local activities of one task, in milliseconds. A replay receives the results of concurrent local
 * activities together, although they came at different moments. The same goes for anything that came beside a local
 * activity after the server was told that the task goes on, eight seconds after its start. What follows would then
 * happen in another order, and the run could not go on.
 */
const longestTaskMs = 7_000;

/** State of this workflow: each workflow has its own copy of the modules. */
let isTaken = false;
let areKept: boolean | undefined;
/**
 * Time that the local activities of this task may take in total. A task is identified by the length of the history
 * before it.
 */
let asked = { task: -1, ms: 0 };

function areTurnsKept(): boolean {
  areKept ??= patched('local-activities-take-turns');
  return areKept;
}

/**
 * Whether a local activity of a pipeline that takes at most `ms` may begin now: none is running, and the task has
 * enough time left. The server's ten seconds for a task are not enough if a worker gets too little processor time.
 */
export function hasTurn(ms: number): boolean {
  const { historyLength: task, taskTimeoutMs } = workflowInfo();
  if (taskTimeoutMs < pipelineTaskTimeoutMs && patched('local-activities-need-long-tasks')) return false;
  if (asked.task !== task) asked = { task, ms: 0 };
  if ((isTaken || asked.ms + ms > longestTaskMs) && areTurnsKept()) return false;
  asked.ms += ms;
  return true;
}

/** Makes local activities run one after the other: a call waits until the running one has ended. */
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

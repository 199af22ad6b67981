import { condition, patched } from '@temporalio/workflow';

/** Of this workflow: each has its modules for itself. */
let isTaken = false;
let areKept: boolean | undefined;

/** Whether a local activity is under way that the next one has to wait for. */
export function isTurnTaken(): boolean {
  if (!isTaken) return false;
  areKept ??= patched('local-activities-take-turns');
  return areKept;
}

/**
 * Has local activities run one after the other. What came of several that ran at once is handed to a replay together, though
 * it came at different moments: what follows them would be done in another order, and the run could go on no more.
 */
export function inTurns<Calls extends object>(calls: Calls): Calls {
  return new Proxy(calls, {
    get(target, name) {
      const call = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        while (isTurnTaken()) await condition(() => !isTaken);
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

import { CancellationScope, condition, isCancellation, workflowInfo } from '@temporalio/workflow';
import { pauseIfGivenUp } from '../given-up.ts';
import type { Pipeline } from './memory.ts';

/** Runs something that costs nothing; undefined if the pipeline stops meanwhile. */
export async function unlessStopped<T>(pipeline: Pipeline, run: () => Promise<T>): Promise<T | undefined> {
  if (pipeline.stop) return undefined;
  const scope = new CancellationScope({ cancellable: true, parent: CancellationScope.current() });
  const interrupt = () => {
    scope.cancel();
  };
  pipeline.interrupts.add(interrupt);
  pipeline.busy += 1;
  try {
    for (let times = 0; ; times += 1) {
      try {
        return await scope.run(run);
      } catch (error) {
        if (scope.consideredCancelled && isCancellation(error)) return undefined;
        await pauseBeforeAsking(pipeline, error, times, scope);
      }
    }
  } finally {
    pipeline.interrupts.delete(interrupt);
    pipeline.busy -= 1;
  }
}

/**
 * Like `pauseIfGivenUp`, which calls `patched`: where that may follow from a local activity, every error is rethrown.
 */
export async function pauseBeforeAsking(
  { checked }: Pipeline,
  error: unknown,
  times: number,
  scope?: CancellationScope,
): Promise<void> {
  if (checked && checked.isSteady !== true) throw error;
  await pauseIfGivenUp(error, times, scope);
}

/**
 * Holds new work back while the run is about to continue as new. Waits until the run ends, the pipeline stops, or this
 * run has to go on because no other can follow, or would get no further.
 */
export async function untilNothingIsDue(pipeline: Pipeline): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested) return;
  pipeline.held += 1;
  await condition(() => pipeline.stop !== undefined || pipeline.isTooLargeToContinue || pipeline.progress === 'due');
  pipeline.held -= 1;
}

import { CancellationScope, condition, isCancellation, workflowInfo } from '@temporalio/workflow';
import { pauseIfGivenUp } from '../given-up.ts';
import type { Pipeline } from './memory.ts';

/** Runs what costs nothing unless the pipeline stops meanwhile: then undefined. */
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

/** As `pauseIfGivenUp`, which asks for a patch: where that may follow from a local activity, the error is thrown on as well. */
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
 * Before a run is continued nothing new begins: waits for its end, for the stop of the pipeline, or until it goes on, since no
 * other can follow, or would get no further.
 */
export async function untilNothingIsDue(pipeline: Pipeline): Promise<void> {
  if (!workflowInfo().continueAsNewSuggested) return;
  pipeline.held += 1;
  await condition(() => pipeline.stop !== undefined || pipeline.isTooLargeToContinue || pipeline.progress === 'due');
  pipeline.held -= 1;
}

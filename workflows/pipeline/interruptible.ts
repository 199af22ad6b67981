import { CancellationScope, condition, isCancellation, workflowInfo } from '@temporalio/workflow';
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
    return await scope.run(run);
  } catch (error) {
    if (scope.consideredCancelled && isCancellation(error)) return undefined;
    throw error;
  } finally {
    pipeline.interrupts.delete(interrupt);
    pipeline.busy -= 1;
  }
}

/** Before a run is continued nothing new begins: waits for the end of this run, or for the stop of the pipeline. */
export async function untilNothingIsDue(pipeline: Pipeline): Promise<void> {
  if (workflowInfo().continueAsNewSuggested) await condition(() => pipeline.stop !== undefined);
}

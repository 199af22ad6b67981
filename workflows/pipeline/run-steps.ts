import { allHandlersFinished, condition, workflowInfo } from '@temporalio/workflow';
import { defect, type Pipeline } from './memory.ts';
import { runStep } from './run-step.ts';

/** Runs every step once its sources have ended; returns when all have, or what still runs is not waited for. */
export async function runSteps(pipeline: Pipeline, continueAsNew: () => Promise<never>): Promise<void> {
  const lives = new Map<string, Promise<void>>();
  for (const { id, steps } of pipeline.checked?.steps ?? []) {
    const sources = steps.flatMap((source) => lives.get(source) ?? []);
    lives.set(id, runStep(pipeline, id, sources));
  }
  const all: { isDone: boolean; fault: Error | undefined } = { isDone: false, fault: undefined };
  void Promise.all(lives.values()).then(
    () => {
      all.isDone = true;
    },
    (thrown: unknown) => {
      all.fault = thrown instanceof Error ? thrown : defect(String(thrown));
    },
  );
  const isLetGo = () => pipeline.stop?.detach === true && pipeline.openCancels === 0;
  const isOver = () => all.isDone || all.fault !== undefined || isLetGo();
  while (!isOver()) {
    await condition(() => isOver() || mayContinue(pipeline));
    // What came with the same task may have changed it.
    if (!isOver() && mayContinue(pipeline)) await continueAsNew();
  }
  if (all.fault) throw all.fault;
}

/** The history has grown long, and nothing is under way that the next run would not know of. */
function mayContinue(pipeline: Pipeline): boolean {
  const { scope, stop } = pipeline;
  const isStopped = stop !== undefined || scope.consideredCancelled;
  return workflowInfo().continueAsNewSuggested && !isStopped && isIdle(pipeline) && isQuiet(pipeline);
}

function isIdle({ open, busy }: Pipeline): boolean {
  return open.size === 0 && busy === 0;
}

/** No cancel is under way, and no message is being answered. */
export function isQuiet({ openCancels }: Pipeline): boolean {
  return openCancels === 0 && allHandlersFinished();
}

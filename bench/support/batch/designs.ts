// Two other ways to run many orders as workflows: a parent that awaits its children, and a sliding window of children
// that signal their end.
import {
  ChildWorkflowCancellationType,
  condition,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  startChild,
} from '@temporalio/workflow';

/** The orders to run: `items` orders of one model, `window` at a time. `queue` is the task queue of the generations. */
export interface DesignQuestion {
  key: string;
  queue: string;
  model: string;
  items: number;
  window: number;
}

const endedSignal = defineSignal<[number, unknown]>('ended');

const childOf = ({ key, queue, model }: DesignQuestion, index: number) => ({
  workflowId: `${key}/${String(index)}`,
  taskQueue: queue,
  args: [{ model, input: { prompt: `item ${String(index)}` } }],
});

/** A parent that awaits its children. */
export async function awaitedChildren(question: DesignQuestion): Promise<number> {
  let next = 0;
  let done = 0;
  const lane = async () => {
    while (next < question.items) {
      next += 1;
      await executeChild('runcomfyGeneration', childOf(question, next - 1));
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: question.window }, lane));
  return done;
}

/** A sliding window of abandoned children, each of which signals its end. */
export async function signallingChildren(question: DesignQuestion): Promise<number> {
  const open = new Set<number>();
  const results: unknown[] = [];
  setHandler(endedSignal, (index, result) => {
    open.delete(index);
    results.push(result);
  });
  for (let index = 0; index < question.items; index += 1) {
    await condition(() => open.size < question.window);
    open.add(index);
    await startChild(signallingItem, {
      workflowId: `${question.key}/${String(index)}/item`,
      args: [question, index],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
    });
  }
  await condition(() => open.size === 0);
  return results.length;
}

/** One order that signals its end. */
export async function signallingItem(question: DesignQuestion, index: number): Promise<void> {
  const result: unknown = await executeChild('runcomfyGeneration', childOf(question, index));
  await getExternalWorkflowHandle(question.key).signal(endedSignal, index, result);
}

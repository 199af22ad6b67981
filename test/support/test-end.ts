import { AsyncLocalStorage } from 'node:async_hooks';
import { onTestFinished as onCurrentTestFinished, type TestContext } from 'vitest';

const running = new AsyncLocalStorage<TestContext>();

/** Has what a test calls, however deep, know its test: `setup/each-test-setup.ts` runs every server test this way. */
export function runAsTest(context: TestContext, runTest: () => Promise<void>): Promise<void> {
  return running.run(context, runTest);
}

/** Undoes something when the test ends that calls this; vitest's own takes the last test that began, where several run at once. */
export function onTestFinished(undo: () => unknown): void {
  const hook = async () => {
    await undo();
  };
  const context = running.getStore();
  if (context === undefined) onCurrentTestFinished(hook);
  else context.onTestFinished(hook);
}

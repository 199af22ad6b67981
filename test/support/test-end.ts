import { AsyncLocalStorage } from 'node:async_hooks';
import { onTestFinished as onCurrentTestFinished, type TestContext } from 'vitest';

const running = new AsyncLocalStorage<TestContext>();

/**
 * Makes the running test known to everything it calls, however deep. `setup/each-test-setup.ts` runs every server test
 * this way.
 */
export function runAsTest(context: TestContext, runTest: () => Promise<void>): Promise<void> {
  return running.run(context, runTest);
}

/**
 * Calls `undo` at the end of the calling test. With concurrent tests, vitest's own hook would take the one that began
 * last.
 */
export function onTestFinished(undo: () => unknown): void {
  const hook = async () => {
    await undo();
  };
  const context = running.getStore();
  if (context === undefined) onCurrentTestFinished(hook);
  else context.onTestFinished(hook);
}

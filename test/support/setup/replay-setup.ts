import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';
import { afterEach } from 'vitest';
import { lendWorkflowThreads } from '../workflow-threads.ts';

lendWorkflowThreads();

// A replay hooks every promise and every stack trace of the process, and the SDK does not undo that.
afterEach(() => {
  globalHandlers.uninstall();
});

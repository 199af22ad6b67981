import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';
import { afterEach } from 'vitest';
import { lendWorkflowThreads } from '../workflow-threads.ts';

lendWorkflowThreads();

// A replay hooks every promise of the process, and every stack; the SDK leaves both so.
afterEach(() => {
  globalHandlers.uninstall();
});

import { aroundEach } from 'vitest';
import { quietRuntime } from '../quiet-runtime.ts';
import { runAsTest } from '../test-end.ts';
import { lendWorkflowThreads } from '../workflow-threads.ts';

quietRuntime();
lendWorkflowThreads();
aroundEach((runTest, context) => runAsTest(context, runTest));

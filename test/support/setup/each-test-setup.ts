import { aroundEach } from 'vitest';
import { quietRuntime } from '../quiet-runtime.ts';
import { runAsTest } from '../test-end.ts';

quietRuntime();
aroundEach((runTest, context) => runAsTest(context, runTest));

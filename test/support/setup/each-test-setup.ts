import { getPriority, setPriority } from 'node:os';
import { aroundEach } from 'vitest';
import { quietRuntime } from '../quiet-runtime.ts';
import { runAsTest } from '../test-end.ts';

/** Behind the Temporal server that all share: one that is late is late for every test. */
const behindServer = 5;

if (getPriority() < behindServer) setPriority(behindServer);
quietRuntime();
aroundEach((runTest, context) => runAsTest(context, runTest));

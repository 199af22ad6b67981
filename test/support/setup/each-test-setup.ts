import { getPriority, setPriority } from 'node:os';
import { aroundEach } from 'vitest';
import { quietRuntime } from '../quiet-runtime.ts';
import { runAsTest } from '../test-end.ts';

/** A lower priority than the shared Temporal server's, since a slow server slows down every test. */
const behindServer = 5;

if (getPriority() < behindServer) setPriority(behindServer);
quietRuntime();
aroundEach((runTest, context) => runAsTest(context, runTest));

import { aroundEach } from 'vitest';
import { runAsTest } from '../test-end.ts';

aroundEach((runTest, context) => runAsTest(context, runTest));

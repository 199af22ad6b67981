import type { Client } from '@temporalio/client';
import pino from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createEarlierRuns } from '../../../../worker/history/earlier-runs.ts';

const chain = { workflowId: 'generation-1', firstExecutionRunId: 'first-run' };

/** Of `recallSubmit`, which looks at other runs after it; an attempt to submit has 10 s. */
const activityLivesMs = 4_000;

it.each([
  ['cannot be read', () => Promise.reject(new Error('EIO'))],
  ['hangs', () => new Promise<never>(() => undefined)],
])('knows of no accepted submit where the journal %s, and says so while there is time to go on', async (_, find) => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const { acceptedBefore } = createEarlierRuns({ client: {} as Client, journal: { find }, log });
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const [accepted] = await Promise.all([acceptedBefore(chain), vi.advanceTimersByTimeAsync(activityLivesMs)]);
  expect(accepted).toBeUndefined();
  expect(lines.join('')).toContain('the journal of accepted submits cannot be read; check RUNCOMFY_STATE_DIR');
});

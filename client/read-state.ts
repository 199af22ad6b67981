import { setTimeout as sleep } from 'node:timers/promises';

import { isGrpcDeadlineError, QueryNotRegisteredError } from '@temporalio/client';
import type { Client } from '@temporalio/client';

import type { GenerationState } from '../domain/generation.ts';
import { stateQuery } from '../workflows/messages.ts';

import { grpcCode, grpcCodeOf } from './errors.ts';
import { refuseOtherType } from './same-order.ts';
import { readServerState } from './server-state.ts';
import type { KnownState } from './server-state.ts';
import { listPollers } from './workers.ts';

const queryTimeoutMs = 12_000;
const quickAnswerMs = 1_000;

/**
 * Asks the workflow where it stands; where no worker answers within 12 s, or none polls at all, tells what the server
 * knows, flagged `isFromServer`.
 */
export async function readState(client: Client, key: string): Promise<KnownState> {
  const handle = client.workflow.getHandle(key);
  const query = client
    .withDeadline(Date.now() + queryTimeoutMs, () => handle.query<GenerationState>(stateQuery))
    .then(
      (state) => ({ state }),
      (error: unknown) => ({ error }),
    );
  const firstWord = await Promise.race([query, isUnattended(client, key)]);
  if (firstWord !== 'unattended') {
    const answer = firstWord === 'attended' ? await query : firstWord;
    if ('state' in answer) return answer.state;
    if (!isWithoutWorker(answer.error)) throw answer.error;
  }
  const info = await handle.describe();
  refuseOtherType(key, info.type);
  return readServerState(client, info);
}

/** A query waits for a worker up to its deadline; that nobody polls can be known sooner. */
async function isUnattended(client: Client, key: string): Promise<'unattended' | 'attended'> {
  try {
    await sleep(quickAnswerMs, undefined, { ref: false });
    const { taskQueue } = await client.workflow.getHandle(key).describe();
    const pollers = await listPollers(client, taskQueue, 'workflow');
    return pollers.length === 0 ? 'unattended' : 'attended';
  } catch {
    return 'attended';
  }
}

function isWithoutWorker(error: unknown): boolean {
  return (
    isGrpcDeadlineError(error) ||
    error instanceof QueryNotRegisteredError ||
    grpcCodeOf(error) === grpcCode.failedPrecondition
  );
}

import { QueryNotRegisteredError } from '@temporalio/client';
import type { Client } from '@temporalio/client';

import type { GenerationState } from '../../../domain/generation.ts';
import { stateQuery } from '../../../workflows/generation/messages.ts';

import { askWorker } from '../ask-worker.ts';
import { grpcCode, grpcCodeOf, isOutOfTime } from '../../grpc.ts';
import { refuseOtherType } from '../starting/compare-requests.ts';
import { readServerState } from './server-state.ts';
import type { KnownState } from './server-state.ts';

const queryTimeoutMs = 12_000;

/**
 * Asks the workflow where it stands; where no worker answers within 12 s, or none polls at all, tells what the server
 * knows, flagged `isFromServer`.
 */
export async function readState(client: Client, key: string, signal?: AbortSignal): Promise<KnownState> {
  const handle = client.workflow.getHandle(key);
  const query = () => handle.query<GenerationState>(stateQuery);
  const reply = await askWorker(client, key, query, { timeoutMs: queryTimeoutMs, signal });
  signal?.throwIfAborted();
  if (reply !== 'unattended') {
    if ('answer' in reply) return reply.answer;
    if (!isWithoutWorker(reply.error)) throw reply.error;
  }
  const info = await handle.describe();
  refuseOtherType(key, info.type);
  return readServerState(client, info);
}

function isWithoutWorker(error: unknown): boolean {
  return (
    isOutOfTime(error) || error instanceof QueryNotRegisteredError || grpcCodeOf(error) === grpcCode.failedPrecondition
  );
}

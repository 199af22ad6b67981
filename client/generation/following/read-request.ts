import type { Client } from '@temporalio/client';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { withClientErrors } from '../../convert-errors.ts';
import { keyNotFound } from '../../errors.ts';
import { readOriginalRequest } from '../original-request.ts';

/** The argument that the first run of the chain of `runId` was started with, as received. */
export function readRequest(client: Client, key: string, runId: string): Promise<Partial<GenerationRequest>> {
  return withClientErrors(key, async () => {
    const first = await readOriginalRequest(client, key, runId);
    if (first === undefined) throw keyNotFound(key);
    return first.request;
  });
}

import type { Client } from '@temporalio/client';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { named } from '../../convert-errors.ts';
import { keyNotFound } from '../../errors.ts';
import { readOriginalRequest } from '../original-request.ts';

/** The argument with which the first run behind `runId` was started, as it came. */
export function readRequest(client: Client, key: string, runId: string): Promise<Partial<GenerationRequest>> {
  return named(key, async () => {
    const first = await readOriginalRequest(client, key, runId);
    if (first === undefined) throw keyNotFound(key);
    return first.request;
  });
}

import type { Client } from '@temporalio/client';
import type { GenerationHandle, GenerationRequest, StartOptions } from '../../client/index.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { isPassing, patiently } from './patiently.ts';

/** The same start is repeated so long where Temporal's answer is unclear: under one key it cannot start twice. */
const startMs = 20_000;

/** Starts a generation, or says under which key the caller may repeat it. `key`: as the caller knows it. */
export async function startPatiently(
  { client, generations, reader }: Pick<GatewayParts, 'client' | 'generations' | 'reader'>,
  key: string,
  order: GenerationRequest,
  options: StartOptions & { key: string },
): Promise<GenerationHandle> {
  const started = await patientlyStarted(client, key, () => generations.start(order, options));
  reader.note(options.key, { runId: started.runId, model: order.model });
  reader.refresh(options.key);
  return started;
}

/** Repeats a start, which must be safe to repeat, or says under which key the caller may do so. */
export async function patientlyStarted<T>(client: Client, key: string, start: () => Promise<T>): Promise<T> {
  try {
    return await patiently(client, startMs, start);
  } catch (error) {
    throw isPassing(error) ? unclear(key, error) : error;
  }
}

function unclear(key: string, cause: unknown): RefusalError {
  const message = `Temporal does not answer, so that it is not known whether the order was taken: repeat it with Idempotency-Key: ${key}`;
  return new RefusalError('TemporalUnreachable', message, {
    headers: { 'runcomfy-temporal-key': key, 'retry-after': '2' },
    cause,
  });
}

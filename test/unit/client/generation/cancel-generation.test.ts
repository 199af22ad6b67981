import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { cancelGeneration } from '../../../../client/generation/deciding/cancel-generation.ts';
import { grpcCode } from '../../../../client/grpc.ts';

const lost = (code: number) => Object.assign(new Error('the connection is gone'), { code, details: '', metadata: {} });

/** Temporal where a worker takes the cancel, and whatever is awaited or asked of it then is lost with `code`. */
function temporalWhere(code: number) {
  const signals: string[] = [];
  const handle = {
    startUpdate: () => Promise.resolve({ result: () => Promise.reject(lost(code)) }),
    query: () => Promise.resolve({ phase: 'succeeded' }),
    signal: (name: string) => Promise.resolve(void signals.push(name)),
  };
  const client = {
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => handle },
  } as unknown as Client;
  return { client, signals };
}

it.each([grpcCode.unavailable, grpcCode.internal, grpcCode.resourceExhausted])(
  'a cancel that a worker has taken is told as recorded, whatever becomes of its answer: code %i',
  async (code) => {
    const { client, signals } = temporalWhere(code);
    expect(await cancelGeneration(client, 'order-1')).toEqual({ outcome: 'unknown', phase: 'succeeded' });
    expect(signals).toEqual([]);
  },
);

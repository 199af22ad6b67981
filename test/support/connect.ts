import { Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { hangMs } from './patience.ts';

/** Connects a client to Temporal, with a timeout that suits a busy machine. */
export async function connectTo(address: string = inject('temporalAddress')): Promise<Connection> {
  return await Connection.connect({ address, connectTimeout: hangMs });
}

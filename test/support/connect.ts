import { Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { hangMs } from './patience.ts';

/** A connection of a client to Temporal, which a busy machine may take its time for. */
export async function connectTo(address: string = inject('temporalAddress')): Promise<Connection> {
  return await Connection.connect({ address, connectTimeout: hangMs });
}

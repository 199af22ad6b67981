import { Connection } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { openTemporalBy, TemporalUnreachableError } from '../../../setup/temporal.ts';

const address = '127.0.0.1:1';

describe('a connection to Temporal that does not come about', () => {
  it('names the address, and shows no key that a library prints', async () => {
    const apiKey = 's3cr3t\u0000value';
    const settings = { connectionOptions: { address, apiKey, tls: false }, namespace: 'default' };
    const opening = openTemporalBy((options) => Connection.connect(options), settings);
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TemporalUnreachableError);
    expect(String(error)).toContain(address);
    expect(String(error)).not.toContain('s3cr3t');
  });
});

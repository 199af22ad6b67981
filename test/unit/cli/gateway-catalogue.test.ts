import { expect, it } from 'vitest';
import { createGatewayCatalogue } from '../../../cli/gateway-catalogue.ts';
import type { RunComfyClient, VerbatimReads } from '../../../runcomfy/client.ts';
import { RunComfyError } from '../../../runcomfy/errors.ts';
import { kling } from '../../support/simulator-client.ts';

const catalogueWhere = (error: Error) =>
  createGatewayCatalogue({ modelApiBase: 'http://127.0.0.1:9/v1' }, {
    getModel: () => Promise.reject(error),
  } as unknown as RunComfyClient & VerbatimReads);

const input = { prompt: 'a cat', duration: 5 };

it('a price that the catalogue may tell later is not told as unknown', async () => {
  const slow = catalogueWhere(new RunComfyError('ServiceUnavailable', 'too slow'));
  await expect(slow.price('some/other', input)).rejects.toThrow('too slow');
  expect(await slow.price(kling, input)).toMatchObject({ usd: expect.any(Number) });
  const without = catalogueWhere(new RunComfyError('ProtocolMismatch', 'no entry'));
  expect(await without.price('some/other', input)).toEqual({ basis: 'unknown' });
  const offline = createGatewayCatalogue({ modelApiBase: 'http://127.0.0.1:9/v1' }, undefined);
  expect(await offline.price('some/other', input)).toEqual({ basis: 'unknown' });
});

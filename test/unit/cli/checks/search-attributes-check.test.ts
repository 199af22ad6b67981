import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { checkSearchAttributes } from '../../../../cli/checks/health-checks.ts';
import type { ConnectedGenerations } from '../../../../cli/command-context.ts';
import { grpcCode } from '../../../../client/grpc.ts';

const intType = 3;
const details = 'cannot have more than 3 search attribute of type Int.';

/** A Temporal without our search attributes, which answers with this code once it has so many of a type. */
function connected(room: number, code: number = grpcCode.invalidArgument) {
  const created: Record<string, number> = {};
  const operatorService = {
    listSearchAttributes: () => Promise.resolve({ customAttributes: created }),
    addSearchAttributes: ({ searchAttributes }: { searchAttributes: Record<string, number> }) => {
      const all = { ...created, ...searchAttributes };
      if (Object.values(all).filter((type) => type === intType).length > room) {
        return Promise.reject(Object.assign(new Error(details), { code, details, metadata: {} }));
      }
      Object.assign(created, all);
      return Promise.resolve({});
    },
  };
  const client = { options: { namespace: 'default' }, connection: { operatorService } } as unknown as Client;
  return { connected: { client } as unknown as ConnectedGenerations, created };
}

it('creates the search attributes that a database has room for, and names the others with the reason', async () => {
  const { connected: full, created } = connected(0);
  const why = `(Temporal refuses the call: ${details})`;
  const refused = `RunComfyQueueMs ${why}, RunComfyRunMs ${why}`;
  expect(await checkSearchAttributes(full, true)).toEqual({
    check: 'search attributes',
    status: 'warning',
    message: `created RunComfyModel, RunComfyRequestId, RunComfyPhase, RunComfyCostUsd, RunComfyLabels; workers notice within a minute; cannot be had: ${refused}`,
    fix: expect.stringContaining('`temporal operator search-attribute remove`') as string,
  });
  expect(Object.keys(created)).toHaveLength(5);
  expect(await checkSearchAttributes(full, true)).toMatchObject({
    status: 'warning',
    message: `created none; cannot be had: ${refused}`,
  });
  const { connected: roomy } = connected(3);
  expect(await checkSearchAttributes(roomy, true)).toMatchObject({ status: 'ok' });
  const { connected: away } = connected(0, grpcCode.unavailable);
  await expect(checkSearchAttributes(away, true)).rejects.toMatchObject({ type: 'TemporalUnreachable' });
});

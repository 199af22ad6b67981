import { type Client, Connection } from '@temporalio/client';
import { expect, it } from 'vitest';
import { checkNexus } from '../../../../cli/checks/nexus-check.ts';
import type { ConnectedGenerations } from '../../../../cli/command-context.ts';

it('names the missing endpoint by a command that a shell reads as it is meant', async () => {
  const connection = Object.create(Connection.prototype) as Connection;
  const operatorService = { listNexusEndpoints: () => Promise.resolve({ endpoints: [] }) };
  Object.defineProperty(connection, 'operatorService', { value: operatorService });
  const client = { connection, options: { namespace: 'default' } } as unknown as Client;
  const connected = { client } as unknown as ConnectedGenerations;
  const [finding] = await checkNexus(connected, { nexus: {}, taskQueue: "anna's queue" });
  expect(finding?.fix).toContain(`--target-namespace default --target-task-queue 'anna'\\''s queue'`);
});

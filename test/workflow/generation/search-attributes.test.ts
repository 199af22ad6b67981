import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '../../../cli/dev-server/server.ts';
import { searchAttributeNames } from '../../../domain/names.ts';
import {
  endingOf,
  historiesOf,
  order,
  reading,
  type Rig,
  untilState,
  withGenerations,
} from '../../support/generations.ts';
import { startOwnServer } from '../../support/server.ts';

/** A run of 60 events is to continue as new. */
const readsUntilContinued = 25;

let server: EmbeddedServer;

beforeAll(async () => {
  server = await startOwnServer({ dynamicConfig: ['limit.historyCount.suggestContinueAsNew=60'] });
});
afterAll(async () => {
  await server.stop();
});

/** Which of these names the server knows just now. */
async function existing(client: Client, names: string[]): Promise<string[]> {
  const { namespace } = client.options;
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace });
  return names.filter((name) => name in customAttributes);
}

async function remove(client: Client, names: string[]): Promise<void> {
  await client.connection.operatorService.removeSearchAttributes({
    namespace: client.options.namespace,
    searchAttributes: names,
  });
}

describe('search attributes that are removed while generations run', () => {
  it('cost the display alone: a result, a cancel and a continuation come all the same', async () => {
    const work: { status: 'in_progress' | 'finished'; rig?: Rig } = { status: 'in_progress' };
    let pace = 600_000;
    let readsSince = 0;
    const status = (name: string) => {
      if (name === 'cancelled') return 'in_queue';
      if (name === 'continued' && work.status === 'finished') readsSince += 1;
      return name === 'continued' && readsSince < readsUntilContinued ? 'in_progress' : work.status;
    };
    await withGenerations(
      {
        submitRequest: ({ input }) =>
          Promise.resolve({
            requestId: String(input['name']),
            submittedAt: new Date().toISOString(),
            nextReadInMs: 20,
            searchAttributes: searchAttributeNames,
          }),
        readStatus: ({ requestId }) =>
          Promise.resolve(
            reading(status(requestId), { nextReadInMs: requestId === 'continued' && pace > 0 ? 700 : pace }),
          ),
        listSearchAttributes: async ({ names }) => ({
          existing: work.rig ? await existing(work.rig.client, names) : names,
        }),
      },
      async (rig) => {
        work.rig = rig;
        const begin = (name: string) => rig.start({ ...order, input: { name } });
        const [finished, cancelled, continued] = await Promise.all(['finished', 'cancelled', 'continued'].map(begin));
        if (!finished || !cancelled || !continued) return;
        for (const handle of [finished, cancelled, continued]) await untilState(handle, ({ reads }) => reads > 0);
        await remove(rig.client, ['RunComfyPhase', 'RunComfyRequestId']);
        const removedAt = Date.now();
        // The server itself goes on to take them for a while.
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        work.status = 'finished';
        pace = 0;
        await finished.signal('nudge');
        await cancelled.signal('cancel', { reason: 'enough' });
        // An end may have to wait until what is known of search attributes has aged.
        const [result, stopped, last] = await Promise.all([finished, cancelled, continued].map(endingOf));
        expect(result?.result?.requestId).toBe('finished');
        expect(stopped).toMatchObject({ type: 'GenerationCancelled', state: { cancel: { outcome: 'cancelled' } } });
        expect(last?.result?.requestId).toBe('continued');
        const runs = await historiesOf(rig.client, continued.workflowId);
        const { seconds } = runs.at(-1)?.events?.at(0)?.eventTime ?? {};
        expect(Number(seconds) * 1_000).toBeGreaterThan(removedAt);
      },
      { address: server.address, provoked: /search attribute/i },
    );
  });
});

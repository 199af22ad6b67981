import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { setBatch } from '../../../client/batch/telling/tell-batch.ts';
import type { BatchSetMessage } from '../../../domain/batch/batch.ts';

/** A client of a batch that takes whatever it is told, and what that was. */
function listener() {
  const heard: unknown[] = [];
  const startUpdate = (_: string, { args: [message] }: { args: [object] }) => {
    heard.push(JSON.parse(JSON.stringify(message)));
    return Promise.resolve({ result: () => Promise.resolve({ window: 5, maxCostUsd: null }) });
  };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ startUpdate }) },
  } as unknown as Client;
  return { client, heard };
}

it.each<[string, BatchSetMessage, object[]]>([
  ['a limit that is taken away', { maxCostUsd: null }, [{ maxCostUsd: null }]],
  ['a limit that is taken away in words', { noMaxCost: true }, [{ maxCostUsd: null }]],
  // Beside another field null is what is absent, and workers of earlier versions know no other word for it.
  ['a window as well', { window: 5, maxCostUsd: null }, [{ window: 5 }, { maxCostUsd: null }]],
  ['a window that is absent', { window: undefined, maxCostUsd: null } as object, [{ maxCostUsd: null }]],
  ['a new limit', { window: 5, maxCostUsd: 2 }, [{ window: 5, maxCostUsd: 2 }]],
  [
    'null beside what does not ask for it',
    { maxCostUsd: null, noMaxCost: false },
    [{ maxCostUsd: null, noMaxCost: false }],
  ],
  ['both', { maxCostUsd: 2, noMaxCost: true }, [{ maxCostUsd: 2, noMaxCost: true }]],
])('a batch is set in words that every worker understands alike: %s', async (_, message, expected) => {
  const { client, heard } = listener();
  expect(await setBatch(client, 'k', message)).toEqual({ window: 5, maxCostUsd: null });
  expect(heard).toEqual(expected);
});

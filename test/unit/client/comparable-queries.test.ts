import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { listBatches } from '../../../client/batch/list-batches.ts';
import { findKeysOfRequest } from '../../../client/generation/keys-of-request.ts';
import { createGenerationClient, GenerationError, type ListFilter } from '../../../client/index.ts';
import { knowsPhases } from '../../../client/list-scope.ts';
import {
  countGenerations,
  listBudgetNames,
  listGenerationPage,
  listOpenGenerations,
} from '../../../client/operator/index.ts';

/** A Temporal on SQL with these runs: it refuses queries that hold what such a store cannot compare, and finds all else. */
function indexOf(...runs: { key: string; type?: string; taskQueue?: string }[]) {
  const asked: string[] = [];
  const executions = runs.map(({ key, type = 'runcomfyGeneration', taskQueue = 'q' }, at) => ({
    execution: { workflowId: key, runId: `run-${String(at)}` },
    type: { name: type },
    taskQueue,
    status: 1,
    startTime: { seconds: 1_700_000_000 },
    searchAttributes: { indexedFields: attributes },
  }));
  const listWorkflowExecutions = ({ query }: { query: string }) => {
    asked.push(query);
    if (/[?'\\\p{Cc}]/u.test(query) || query.split('"').length % 2 === 0) return Promise.reject(new Error(query));
    return Promise.resolve({ executions, nextPageToken: new Uint8Array() });
  };
  const describeWorkflowExecution = ({ execution: { workflowId } }: { execution: { workflowId: string } }) => {
    const workflowExecutionInfo = executions.find(({ execution }) => execution.workflowId === workflowId);
    return Promise.resolve({ workflowExecutionInfo, pendingActivities: [] });
  };
  const workflowService = { listWorkflowExecutions, describeWorkflowExecution };
  const client = { options: { namespace: 'default' }, workflowService };
  return { asked, client: client as unknown as Client };
}

const attributes = {
  RunComfyPhase: { data: Buffer.from('"in_queue"') },
  RunComfyModel: { data: Buffer.from('"a/b"') },
};

describe.each([
  ['say "hi"/', ' AND WorkflowId STARTS_WITH "say "'],
  ['shop/cart?id=', ' AND WorkflowId STARTS_WITH "shop/cart"'],
  ['C:\\', ' AND WorkflowId STARTS_WITH "C:"'],
  ["'quoted'", ''],
  ['a\nb', ' AND WorkflowId STARTS_WITH "a"'],
  ['?', ''],
])('a prefix that no query compares: %j', (keyPrefix, clause) => {
  const keys = [`${keyPrefix}1`, 'another'];

  it('is looked for by its beginning among generations, by pages too', async () => {
    const { asked, client } = indexOf(...keys.map((key) => ({ key })));
    expect(await keysOf(client, { keyPrefix })).toEqual([keys[0]]);
    const page = await listGenerationPage(client, { keyPrefix }, { limit: 10 });
    expect(page.rows.map(({ key }) => key)).toEqual([keys[0]]);
    const query = `WorkflowType = "runcomfyGeneration" AND ExecutionStatus != "ContinuedAsNew"${clause}`;
    expect(asked).toEqual([query, `${query} AND ${knowsPhases}`]);
  });

  it('is looked for by its beginning among batches and budgets', async () => {
    const { client } = indexOf(...keys.map((key) => ({ key, type: 'runcomfyBatch' })));
    const found: string[] = [];
    for await (const { key } of listBatches(client, { keyPrefix })) found.push(key);
    expect(found).toEqual([keys[0]]);
    expect(await listBudgetNames(client, { namePrefix: keyPrefix }, { limit: 10 })).toEqual({ rows: [] });
  });

  it('is refused where nothing but the index counts', () => {
    const { asked, client } = indexOf();
    expect(() => countGenerations(client, { keyPrefix })).toThrow(GenerationError);
    expect(asked).toEqual([]);
  });
});

it('asks of many keys for those alone that a query can compare', async () => {
  const { asked, client } = indexOf({ key: 'plain' });
  const open = await listOpenGenerations(client, ['a?b', 'plain', 'say "hi"']);
  expect([...(open?.keys() ?? [])]).toEqual(['plain']);
  expect(asked).toHaveLength(1);
  expect(await listOpenGenerations(client, ['a?b'])).toEqual(new Map());
  expect(asked).toHaveLength(1);
});

it('finds nothing of a model that no query compares, without a word of it in the query', async () => {
  const { asked, client } = indexOf({ key: 'plain' });
  expect(await keysOf(client, { model: 'a/b?' })).toEqual([]);
  expect(asked).toHaveLength(1);
});

it('tells whom a request belongs to on a task queue whose name no query compares', async () => {
  const { client } = indexOf({ key: 'ours', taskQueue: 'q?' }, { key: 'theirs', taskQueue: 'q' });
  expect(await findKeysOfRequest(client, 'r-1', { key: 'k', taskQueue: 'q?' })).toEqual(['ours']);
});

async function keysOf(client: Client, filter: ListFilter): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of createGenerationClient({ client, taskQueue: 'q' }).list(filter)) found.push(key);
  return found;
}

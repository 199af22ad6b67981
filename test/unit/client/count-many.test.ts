import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { countBatches, countPipelines } from '../../../client/operator/index.ts';

/** A Temporal whose index counts so many for each query. */
function counting(answer: (query: string) => number) {
  const asked: string[] = [];
  const count = (query: string) => {
    asked.push(query);
    return Promise.resolve({ count: answer(query) });
  };
  return { asked, client: { workflow: { count } } as unknown as Client };
}

/** What a server answers that does not know a search attribute. */
function refuse(): never {
  const details = 'invalid search attribute: RunComfyPhase';
  throw Object.assign(new Error(`3 INVALID_ARGUMENT: ${details}`), { code: 3, details, metadata: { get: () => [] } });
}

describe('counting', () => {
  it('tells how many run and how many ended in which way, of one type and of one prefix alone', async () => {
    const { asked, client } = counting((query) =>
      query.includes('"Running"') ? 7 : query.includes('"partial"') ? 2 : 0,
    );
    expect(await countPipelines(client, { keyPrefix: 'acme/' })).toEqual({
      ...{ open: 7, byPhase: { succeeded: 0, partial: 2, failed: 0, cancelled: 0, timed_out: 0 } },
    });
    expect(asked).toHaveLength(6);
    const scope = 'WorkflowType = "runcomfyPipeline" AND WorkflowId STARTS_WITH "acme/" AND ';
    for (const query of asked) expect(query.slice(0, scope.length)).toBe(scope);
    expect(await countBatches(client)).toEqual({
      ...{ open: 7, byPhase: { succeeded: 0, partial: 2, failed: 0, cancelled: 0 } },
    });
    expect(asked.at(-1)).toMatch(/^WorkflowType = "runcomfyBatch" AND \(/);
  });

  it('tells how many run where the server does not know our search attributes', async () => {
    const { client } = counting((query) => (query.includes('RunComfyPhase') ? refuse() : 3));
    for (const count of [countPipelines, countBatches]) {
      expect(await count(client)).toEqual({ open: 3, byPhase: {}, isDegraded: true });
    }
  });

  it('refuses a prefix that is none', () => {
    const { client } = counting(() => 0);
    expect(() => countBatches(client, { keyPrefix: '' })).toThrow(GenerationError);
  });
});

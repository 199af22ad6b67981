import { runInNewContext } from 'node:vm';
import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { clausesOf } from '../../../client/generation/following/list-generations.ts';
import { isTerminal, phaseOf } from '../../../client/generation/following/phase.ts';
import { GenerationError } from '../../../client/index.ts';
import { countBatches, countBudgets, countGenerations, countPipelines } from '../../../client/operator/index.ts';
import { phases } from '../../../domain/generation.ts';

/** A Temporal whose index counts so many for each query. */
function counting(answer: (query: string) => number) {
  const asked: string[] = [];
  const count = (query: string) => {
    asked.push(query);
    return Promise.resolve({ count: answer(query) });
  };
  return { asked, client: { workflow: { count } } as unknown as Client };
}

const statuses = {
  ...({ Running: 'running', Completed: 'completed', Failed: 'failed' } as const),
  ...({ Canceled: 'canceled', Terminated: 'terminated', TimedOut: 'timed_out' } as const),
};

interface Indexed {
  status: keyof typeof statuses;
  phase: string | null;
}

/** Whether a query finds a run, as a server's index would tell. */
function isFound(query: string, { status, phase }: Indexed): boolean {
  const expression = query
    .replaceAll(' IS NULL', ' === null')
    .replaceAll(' != ', ' !== ')
    .replaceAll(' = ', ' === ')
    .replaceAll(' AND ', ' && ')
    .replaceAll(' OR ', ' || ');
  const run = { WorkflowType: 'runcomfyGeneration', ExecutionStatus: status, RunComfyPhase: phase };
  return runInNewContext(expression, run) === true;
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
      open: 7,
      byPhase: { succeeded: 0, partial: 2, failed: 0, cancelled: 0, timed_out: 0 },
    });
    expect(asked).toHaveLength(6);
    const scope = 'WorkflowType = "runcomfyPipeline" AND WorkflowId STARTS_WITH "acme/" AND ';
    for (const query of asked) expect(query.slice(0, scope.length)).toBe(scope);
    expect(await countBatches(client)).toEqual({
      open: 7,
      byPhase: { succeeded: 0, partial: 2, failed: 0, cancelled: 0 },
    });
    expect(asked.at(-1)).toMatch(/^WorkflowType = "runcomfyBatch" AND \(/);
    expect(await countBudgets(client, { namePrefix: 'acme.' })).toEqual({ open: 7 });
    const ofBudgets = 'WorkflowType = "runcomfyBudget" AND WorkflowId STARTS_WITH "runcomfy-budget:acme."';
    expect(asked.at(-1)).toBe(`${ofBudgets} AND ExecutionStatus = "Running"`);
  });

  const ofRunning = [null, ...phases].map((phase) => ({ status: 'Running', phase }) as const);
  const ofFailed = phases
    .filter((phase) => phase !== 'succeeded')
    .map((phase) => ({ status: 'Failed', phase }) as const);
  const ofOthers = (['Completed', 'Canceled', 'Terminated', 'TimedOut'] as const).flatMap((status) =>
    [null, 'in_queue', 'submission_unknown'].map((phase) => ({ status, phase })),
  );
  it.each<Indexed>([...ofRunning, { status: 'Failed', phase: null }, ...ofFailed, ...ofOthers])(
    'counts a generation once, where its row says that it stands: %j',
    async (run) => {
      const { client } = counting((query) => Number(isFound(query, run)));
      const { byPhase, open } = await countGenerations(client);
      const attributes = run.phase === null ? {} : { RunComfyPhase: run.phase };
      const silent = run.status === 'Failed' ? 'failed' : 'submitting';
      const phase = phaseOf({ status: statuses[run.status], attributes }) ?? silent;
      expect(byPhase).toEqual({ ...Object.fromEntries(phases.map((one) => [one, 0])), [phase]: 1 });
      // Whoever lists that phase finds it.
      expect(isFound(clausesOf({ phase }).join(' AND '), run)).toBe(true);
      expect(open).toBe(run.status === 'Running' && !isTerminal(phase) ? 1 : 0);
    },
  );

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

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const order: GenerationRequest = { model: 'a/b', input: { prompt: 'x' }, budgets: ['wide', 'narrow'] };
const wide = { budget: 'wide', grant: 7 };
const narrow = { budget: 'narrow', grant: 3 };
const refused = (grants?: ActivityFailureDetails['grants']) => ({
  type: 'InsufficientBalance',
  details: { submission: 'refused' as const, ...(grants && { grants }) },
});

describe('what a generation tells its budgets', () => {
  it('names what they have granted to it, so that no later order of its key is meant', async () => {
    const { settled, end } = await generationInProcess(sandbox, order, { submits: [refused([wide, narrow])] });
    expect(end()).toBe('failed');
    expect(settled).toEqual([
      { budgets: ['wide', 'narrow'], settlement: { key: 'k', outcome: 'refused' }, grants: [wide, narrow] },
    ]);
  });

  it('is for those alone that have granted something, where that is known', async () => {
    const details = { submission: 'not_sent' as const, budget: 'narrow', grants: [wide] };
    const known = await generationInProcess(sandbox, order, { submits: [{ type: 'BudgetExceeded', details }] });
    expect(known.settled).toMatchObject([{ budgets: ['wide'], grants: [wide] }]);
    const unknown = await generationInProcess(sandbox, order, { submits: [refused()] });
    expect(unknown.settled).toEqual([{ budgets: ['wide', 'narrow'], settlement: { key: 'k', outcome: 'refused' } }]);
  });

  it('names what a submit had been granted whose worker was lost', async () => {
    const sending = { stage: 'sending', at: '2026-11-27T12:00:00.000Z', grants: [wide, narrow] };
    const held = await generationInProcess(
      sandbox,
      { ...order, onUnknownSubmission: 'fail' },
      { submits: [{ lost: sending }] },
    );
    await held.pass(120_000);
    expect(held.end()).toBe('failed');
    expect(held.settled).toMatchObject([{ settlement: { outcome: 'unknown' }, grants: [wide, narrow] }]);
  });

  it('names the grants of the latest submit', async () => {
    const reply = {
      requestId: 'r-1',
      submittedAt: '2026-11-27T12:00:10.000Z',
      nextReadInMs: 1_000,
      searchAttributes: [],
    };
    const newer = [
      { ...wide, grant: 9 },
      { ...narrow, grant: 4 },
    ];
    const run = await generationInProcess(
      sandbox,
      { ...order, onWall: 'wait' },
      { submits: [refused([wide, narrow]), { ...reply, grants: newer }] },
    );
    await run.pass(20_000);
    await run.signal('cancel');
    await run.pass(60_000);
    expect(run.end()).toBe('failed');
    expect(run.settled).toMatchObject([{ settlement: { outcome: 'cancelled' }, grants: newer }]);
  });
});

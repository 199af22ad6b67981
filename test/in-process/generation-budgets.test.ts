import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { AcceptedSubmit, ActivityFailureDetails } from '../../domain/activities.ts';
import { finalSettlementOf } from '../../domain/budget/settlement.ts';
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

const accepted = (requestId: string): AcceptedSubmit => ({
  requestId,
  submittedAt: '2026-11-27T12:00:00.000Z',
  nextReadInMs: 600_000,
  searchAttributes: [],
  priceUsd: 1.26,
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

  it('is the price of what a lost worker had heard of', async () => {
    const heard = { stage: 'accepted', requestId: 'r-1', at: '2026-11-27T12:00:00.000Z', priceUsd: 1.26 };
    const run = await generationInProcess(sandbox, order, { submits: [{ lost: heard }] });
    expect(await run.state()).toMatchObject({ requestId: 'r-1', priceUsd: 1.26 });
  });

  it('names the grants of the latest submit', async () => {
    const newer = [
      { ...wide, grant: 9 },
      { ...narrow, grant: 4 },
    ];
    const run = await generationInProcess(
      sandbox,
      { ...order, onWall: 'wait' },
      { submits: [refused([wide, narrow]), { ...accepted('r-1'), grants: newer }] },
    );
    await run.pass(20_000);
    await run.signal('cancel');
    await run.pass(60_000);
    expect(run.end()).toBe('failed');
    expect(run.settled).toMatchObject([{ settlement: { outcome: 'cancelled' }, grants: newer }]);
  });
});

describe('what a generation has cost', () => {
  const metric = 'runcomfy_generation_cost';

  it('is counted where it failed', async () => {
    const run = await generationInProcess(sandbox, order, { submits: [accepted('r-1')] });
    await run.pass(600_000);
    await run.fail('readStatus', 'GenerationFailed', { costUsd: 0.8 });
    expect(run.end()).toBe('failed');
    expect(run.metrics(metric)).toMatchObject([{ value: 0.8, tags: { outcome: 'failed', model: 'a/b' } }]);
  });

  it('is counted where it was cancelled', async () => {
    const run = await generationInProcess(sandbox, order, { submits: [accepted('r-1')], cancels: [{ costUsd: 0.4 }] });
    await run.signal('cancel');
    expect(run.metrics(metric)).toMatchObject([{ value: 0.4, tags: { outcome: 'cancelled', model: 'a/b' } }]);
  });
});

describe('an order that waits at a wall', () => {
  const waiting: GenerationRequest = { ...order, onWall: 'wait' };
  const again = { ...wide, again: true } as const;

  it('counts each refusal by its type, and none where it is not to wait', async () => {
    const unauthenticated = { type: 'Unauthenticated', details: { submission: 'refused' as const } };
    const run = await generationInProcess(sandbox, waiting, { submits: [refused(), unauthenticated, refused()] });
    await run.pass(60_000);
    const counted = ['InsufficientBalance', 'Unauthenticated', 'InsufficientBalance'];
    const metric = 'runcomfy_wall_refusals';
    expect(run.metrics(metric)).toMatchObject(counted.map((type) => ({ value: 1, tags: { type } })));
    const failing = await generationInProcess(sandbox, order, { submits: [refused()] });
    expect(failing.metrics(metric)).toEqual([]);
  });

  it('keeps nothing reserved that an earlier attempt of it had, which nobody else gives back', async () => {
    const run = await generationInProcess(sandbox, waiting, { submits: [refused([again, narrow])] });
    expect(run.settled).toEqual([
      { budgets: ['wide'], settlement: { key: 'k', outcome: 'not_submitted' }, grants: [again] },
    ]);
    expect(await run.state()).toMatchObject({ phase: 'submitting', wall: { type: 'InsufficientBalance' } });
  });

  it('tells nothing where each attempt gives back its own, and frees nothing of a submit in doubt', async () => {
    const own = await generationInProcess(sandbox, waiting, { submits: [refused([wide, narrow])] });
    expect(own.settled).toEqual([]);
    const doubtful = { type: 'SubmitOutcomeUnknown', details: { submission: 'unknown' as const } };
    const twice: GenerationRequest = { ...waiting, onUnknownSubmission: 'resubmit' };
    const inDoubt = await generationInProcess(sandbox, twice, { submits: [doubtful, refused([again, narrow])] });
    expect(await inDoubt.state()).toMatchObject({ phase: 'submitting', wall: { type: 'InsufficientBalance' } });
    expect(inDoubt.settled).toEqual([]);
  });
});

describe('an order that is sent again while an earlier submit is in doubt', () => {
  const doubtful = { type: 'SubmitOutcomeUnknown', details: { submission: 'unknown' as const, priceUsd: 1.26 } };
  const twice: GenerationRequest = { ...order, onUnknownSubmission: 'resubmit' };

  it('has the price of both reserved, and both count when it is stopped', async () => {
    const run = await generationInProcess(sandbox, twice, { submits: [doubtful, accepted('r-2')] });
    expect(run.orders.map(({ sentBefore }) => sentBefore)).toEqual([undefined, 1]);
    expect(await run.state()).toMatchObject({ requestId: 'r-2', otherCostsUnknown: 1 });
    await run.signal('cancel');
    expect(run.end()).toBe('failed');
    expect(run.settled).toMatchObject([{ settlement: { outcome: 'unknown', costUsd: 1.26 } }]);
  });

  it('has one price presumed where the later submit was refused, though both were reserved', async () => {
    const refusal = { type: 'InsufficientBalance', details: { submission: 'refused' as const } };
    const run = await generationInProcess(sandbox, twice, { submits: [doubtful, refusal] });
    expect(run.end()).toBe('failed');
    expect(run.settled).toMatchObject([{ settlement: { outcome: 'unknown', presumedUsd: 1.26 } }]);
  });

  it('counts the earlier one once, also when its request turns up, and what that states', async () => {
    const run = await generationInProcess(sandbox, twice, {
      submits: [doubtful, accepted('r-2')],
      cancels: [{ costUsd: 1 }, { outcome: 'not_cancellable' }],
    });
    await run.handOver('r-1');
    expect(await run.state()).toMatchObject({ otherRequestIds: ['r-1'], otherCostUsd: 1 });
    expect((await run.state()).otherCostsUnknown).toBeUndefined();
    await run.handOver('r-0');
    expect(await run.state()).toMatchObject({ otherRequestIds: ['r-1', 'r-0'], otherCostUsd: 1, otherCostsUnknown: 1 });
    const furtherCost = { value: 1, tags: { outcome: 'further_request', model: 'a/b' } };
    expect(run.metrics('runcomfy_generation_cost')).toMatchObject([furtherCost]);
    await run.signal('cancel');
    expect(run.settled).toMatchObject([{ settlement: { outcome: 'unknown', costUsd: 2.26 } }]);
    // As a budget looks it up that has not heard of it, or has kept it.
    const { submission, phase, ...details } = (await run.state()).failure?.details ?? {};
    if (submission === undefined || phase === undefined) throw new Error('it has no end');
    expect(finalSettlementOf('k', { submission, phase, ...details }).costUsd).toBe(2.26);
  });

  it('counts no further request that was stopped, but what it states all the same', async () => {
    const run = await generationInProcess(sandbox, twice, { submits: [doubtful, accepted('r-2')] });
    await run.handOver('r-1');
    expect(await run.state()).toMatchObject({ otherRequestIds: ['r-1'], otherCostUsd: 0 });
    expect((await run.state()).otherCostsUnknown).toBeUndefined();
    await run.signal('cancel');
    expect(run.settled).toMatchObject([{ settlement: { outcome: 'cancelled', costUsd: 0 } }]);
  });

  it('is one order where the later submit sends nothing, as it finds the request of the earlier one', async () => {
    const found = { ...accepted('r-1'), isOfEarlierSubmit: true } as const;
    const run = await generationInProcess(sandbox, twice, { submits: [doubtful, found] });
    expect(await run.state()).toMatchObject({ requestId: 'r-1' });
    expect((await run.state()).otherCostsUnknown).toBeUndefined();

    const later = await generationInProcess(sandbox, twice, { submits: [doubtful, doubtful] });
    expect(await later.state()).toMatchObject({ phase: 'submission_unknown', otherCostsUnknown: 1 });
  });

  it('is one order also where a worker tells first what the later submit finds', async () => {
    const found = { ...accepted('r-1'), isOfEarlierSubmit: true } as const;
    const run = await generationInProcess(sandbox, twice, { submits: [doubtful, { late: found }] });
    await run.handOver('r-1');
    expect(await run.state()).toMatchObject({ requestId: 'r-1' });
    expect((await run.state()).otherCostsUnknown).toBeUndefined();

    const third = await generationInProcess(sandbox, twice, {
      submits: [doubtful, { late: found }],
      cancels: [{ outcome: 'not_cancellable' }],
    });
    await third.handOver('r-2');
    expect(await third.state()).toMatchObject({ requestId: 'r-2', otherRequestIds: ['r-1'], otherCostsUnknown: 1 });
  });

  it('is one order where the later submit is refused, or sent nothing', async () => {
    const wall = { ...twice, onWall: 'wait' } as const;
    const run = await generationInProcess(sandbox, wall, { submits: [doubtful, refused(), refused()] });
    await run.pass(10_000);
    expect(run.orders.map(({ sentBefore }) => sentBefore)).toEqual([undefined, 1, 1]);
    await run.handOver('r-1');
    expect(await run.state()).toMatchObject({ requestId: 'r-1', submission: 'accepted' });
    expect((await run.state()).otherCostsUnknown).toBeUndefined();

    const ended = await generationInProcess(sandbox, twice, { submits: [doubtful, refused()] });
    expect(ended.end()).toBe('failed');
    expect(await ended.state()).toMatchObject({ submission: 'unknown' });
    expect((await ended.state()).otherCostsUnknown).toBeUndefined();
  });
});

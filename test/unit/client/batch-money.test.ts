import {
  ApplicationFailure,
  type Client,
  TerminatedFailure,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { RetryState } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { endOfItem, letGoOfItem, wallOf } from '../../../activities/batch/end-of-item.ts';
import { foundAs, lostItem } from '../../../client/batch/item-marks.ts';
import { createItemOrders, type ItemOrderPlace } from '../../../client/batch/item-orders.ts';
import { figuresOf, worstOf } from '../../../client/batch/pipeline-figures.ts';
import { createPipelineItemOrders } from '../../../client/batch/pipeline-item-orders.ts';
import type { PaidBefore } from '../../../domain/batch/item-end.ts';
import { billOf } from '../../../domain/budget/settlement.ts';
import { batchItemMemoKey } from '../../../domain/names.ts';
import type { PipelineFailureDetails, StepSummary } from '../../../domain/pipeline/pipeline-run.ts';

const names = { id: 'a', key: 'k/a' };
const open = { index: 0, price: 3_000_000 };
const output = { images: ['i'], videos: [], audios: [] };
const fanOut: StepSummary = { phase: 'succeeded', output };
const approval: StepSummary = { phase: 'succeeded', choices: ['i'] };
const nothing = { images: [], videos: [], audios: [] };
const call = (_: unknown, make: () => unknown) => make();
const passing = { withDeadline: call, withAbortSignal: call };

describe('an item that is a pipeline', () => {
  it('costs what its pipeline presumes beside what is known', () => {
    const figures = figuresOf({ steps: { many: fanOut }, costUsd: 1, presumedUsd: 0.5 }, { paid: 250_000 });
    expect(figures).toEqual({ costUsd: 1.25, presumedUsd: 0.5 });
    const ended = endOfItem(open, names, { result: figures });
    expect(ended).toMatchObject({ cost: 1_750_000, known: 1_250_000, presumed: true, line: { costUsd: 1.25 } });
    expect(endOfItem({ ...open, isRepeat: true }, names, { result: figures }).cost).toBe(0);
  });

  it('costs what was presumed of its earlier runs beside what was known of them', () => {
    const before = { paid: 250_000, presumedPaid: 100_000 };
    const figures = figuresOf({ steps: { many: fanOut }, costUsd: 1, presumedUsd: 0.5 }, before);
    expect(figures).toEqual({ costUsd: 1.15, presumedUsd: 0.6 });
    expect(figuresOf({ steps: {}, costUsd: 1 }, before)).toEqual({ costUsd: 1.15, presumedUsd: 0.1 });
  });

  it.each([
    ['has orders of which neither cost nor price is known', { steps: {}, costUsd: 1, unpriced: 1 }],
    ['has a fan-out without a cost, and tells nothing of what it presumes', { steps: { many: fanOut }, costUsd: 1 }],
    ['leaves an order that runs on', { steps: { clip: { phase: 'ordered', key: 'k/a/clip@1' } }, costUsd: 1 }],
  ] satisfies [string, Parameters<typeof figuresOf>[0]][])('counts with its price where it %s', (_, ended) => {
    expect(endOfItem(open, names, { result: figuresOf(ended) })).toMatchObject({ cost: 3_000_000, presumed: true });
  });

  it('that has only chosen costs nothing more', () => {
    expect(endOfItem(open, names, { result: figuresOf({ steps: { approval }, costUsd: 1 }) }).cost).toBe(1_000_000);
  });

  it('costs nothing more for an order that RunComfy stopped', () => {
    const clip: StepSummary = { phase: 'failed', key: 'k/a/clip@1', submission: 'accepted', cancel: 'cancelled' };
    expect(endOfItem(open, names, { result: figuresOf({ steps: { clip }, costUsd: 1 }) }).cost).toBe(1_000_000);
  });

  it('that leaves an order that runs on does not say that nothing was sent', () => {
    expect(worstOf({ clip: { phase: 'ordered', key: 'k/a/clip@1' } })).toBe('unknown');
    expect(worstOf({ clip: { phase: 'not_started' } })).toBe('not_sent');
  });
});

describe('an item whose pipeline ended before it had ordered all', () => {
  type Told = Pick<PipelineFailureDetails, 'steps'> & Partial<PipelineFailureDetails> & PaidBefore;
  const mark = { run: 'r', index: 0 };
  const ordersOf = ({ paid, isPartial, ...told }: Told) => {
    const type = told.failure ? 'PipelineFailed' : 'PipelineCancelled';
    const details: PipelineFailureDetails = { key: names.key, phase: 'cancelled', costUsd: 0, ...told };
    const cause = ApplicationFailure.create({ type, message: 'over', details: [details] });
    const describe = () => Promise.resolve({ memo: { [batchItemMemoKey]: { ...mark, paid, isPartial } } });
    const workflow = {
      result: () => Promise.reject(new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE)),
      getHandle: () => ({ describe }),
    };
    const run = { workflowExecutionInfo: { status: 3 }, pendingActivities: [] };
    const workflowService = { describeWorkflowExecution: () => Promise.resolve(run) };
    const client = { workflow, workflowService, options: {}, ...passing } as unknown as Client;
    return createPipelineItemOrders({ client, taskQueue: 'q' });
  };
  const endOf = (told: Told) => ordersOf(told).follow(names.key, new AbortController().signal);
  const submissionOf = async (told: Told) => endOfItem(open, names, await endOf(told)).line.error?.submission;
  const refused = { type: 'InvalidInput', message: 'no', submission: 'refused' } as const;
  const clip: StepSummary = { phase: 'failed', key: 'k/a/clip@1', submission: 'refused' };
  const rejected: StepSummary = { phase: 'failed', submission: 'not_sent' };

  it.each<[string, Told]>([
    ['a fan-out has made a part', { steps: { many: { phase: 'not_started', output } } }],
    ['a fan-out has paid for a part', { steps: { many: { phase: 'not_started', output: nothing, costUsd: 0.5 } } }],
    ['the first of a fan-out that failed was refused', { steps: { many: { ...clip, output } } }],
    ['a step was refused after an attempt that was billed', { steps: { clip }, costUsd: 0.5 }],
    ['a step was refused after an attempt that may be billed', { steps: { clip }, presumedUsd: 0.5 }],
    ['a step was refused after an attempt without a price', { steps: { clip }, unpriced: 1 }],
    [
      'the step that failed was refused, and another one succeeded',
      { steps: { many: fanOut, clip }, failure: refused },
    ],
    ['an earlier run of it was billed', { steps: { clip: { phase: 'not_started' } }, paid: 500_000 }],
    ['an earlier run of it was billed without a price', { steps: { clip }, isPartial: true }],
  ])('says that something was accepted where %s', async (_, told) => {
    expect(await submissionOf(told)).toBe('accepted');
  });

  it.each<[string, string, Told]>([
    ['nothing was sent', 'not_sent', { steps: { many: { phase: 'not_started', output: nothing } } }],
    ['all was refused', 'refused', { steps: { clip, many: { phase: 'not_started' } }, failure: refused }],
    [
      'a person approved what was refused',
      'refused',
      { steps: { ok: { phase: 'succeeded' }, clip }, failure: refused },
    ],
    ['a person approved before another did not', 'not_sent', { steps: { ok: { phase: 'succeeded' }, no: rejected } }],
    ['an order runs on', 'unknown', { steps: { clip, many: { phase: 'ordered' } }, failure: refused }],
  ])('says so where %s', async (_, submission, told) => {
    expect(await submissionOf(told)).toBe(submission);
  });

  it('has met a wall, and has a line that says what was accepted before', async () => {
    const wall = { type: 'InsufficientBalance', message: 'empty', submission: 'refused' } as const;
    const told: Told = { steps: { many: fanOut, clip }, failure: wall, costUsd: 0.5 };
    expect(wallOf(await endOf(told))).toMatchObject({ reason: 'balance' });
    expect(await submissionOf(told)).toBe('accepted');
    expect(await submissionOf({ steps: { clip }, failure: wall })).toBe('refused');
  });

  it.each<[string, boolean, Partial<Told>]>([
    ['nothing was billed', false, {}],
    ['a step was billed', true, { costUsd: 0.5 }],
    ['a step may be billed', true, { presumedUsd: 0.5 }],
    ['a step has neither a cost nor a price', true, { unpriced: 1 }],
    ['an earlier run of it was billed', true, { paid: 500_000 }],
    ['an earlier run of it was billed without a price', true, { isPartial: true }],
  ])('at a wall counts as never started only where nothing may have been billed: %s', async (_, isStarted, more) => {
    const failure = { type: 'InsufficientBalance', message: 'empty', submission: 'refused' } as const;
    const orders = ordersOf({ steps: { still: { phase: 'not_started' }, clip }, failure, ...more });
    expect(await orders.wasStarted(names.key, mark)).toBe(isStarted);
  });
});

describe('an item whose order was sent more than once', () => {
  it.each([
    ['tells no price', { costUsd: 2.5, otherCostsUnknown: 1 }, 5_500_000],
    ['tells neither price nor cost', { otherRequestIds: ['r'] }, 6_000_000],
    ['tells its price', { costUsd: 2.5, priceUsd: 2, otherCostsUnknown: 1 }, 4_500_000],
  ])('costs what each of its bills may come to, also where it %s', (_, told, cost) => {
    const bill = billOf(told);
    const error = { type: 'GenerationFailed', message: '', submission: 'accepted' } as const;
    expect(endOfItem(open, names, { failure: { error, ...bill } })).toMatchObject({ cost, presumed: true });
    expect(endOfItem(open, names, { result: bill })).toMatchObject({ cost, presumed: true });
  });
});

describe('an item that a lost window had started, so that its order alone knows the price', () => {
  const lost = { index: 0, cancel: 'not_cancellable' } as const;

  it.each([
    ['ended without a cost', { result: { priceUsd: 1.26 } }],
    [
      'may run on',
      { failure: { error: { type: 'GenerationCancelled', message: '', submission: 'accepted' }, priceUsd: 1.26 } },
    ],
  ] satisfies [string, Parameters<typeof endOfItem>[2]][])('costs that price where it %s', (_, end) => {
    const { cost, presumed, unpriced } = endOfItem(lost, names, end);
    expect({ cost, presumed, unpriced }).toEqual({ cost: 1_260_000, presumed: true });
  });
});

describe('an item whose order was stopped', () => {
  const details = { key: 'k/a', model: 'm', submission: 'accepted', phase: 'cancelled', requestId: 'r' } as const;
  const ended = async (cause: Error) => {
    const error = new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE);
    const workflow = {
      result: () => Promise.reject(error),
      getHandle: () => ({ query: () => Promise.reject(new WorkflowNotFoundError('gone', 'k/a', undefined)) }),
    };
    const client = { workflow, ...passing } as unknown as Client;
    const orders = createItemOrders({ client, taskQueue: 'q' } as ItemOrderPlace);
    return endOfItem(open, names, await orders.follow('k/a', new AbortController().signal));
  };
  const ours = (type: string, more: object) =>
    ended(ApplicationFailure.create({ type, message: 'over', details: [{ ...details, ...more }] }));
  const stopped = { cancel: { requestedAt: '', outcome: 'cancelled' } };

  it.each([
    ['at its queue deadline', 'GenerationTimedOut', { phase: 'timed_out', ...stopped }],
    ['by a cancel', 'GenerationCancelled', stopped],
    ['by somebody at RunComfy', 'GenerationCancelled', {}],
    [
      'before it was sent',
      'GenerationCancelled',
      { submission: 'unknown', cancel: { requestedAt: '', outcome: 'not_submitted' } },
    ],
  ])('%s costs nothing', async (_, type, more) => {
    const { cost, presumed, unpriced } = await ours(type, more);
    expect({ cost, presumed, unpriced }).toEqual({ cost: 0 });
  });

  it('costs what RunComfy says all the same, and what an earlier submit of it may', async () => {
    expect(await ours('GenerationCancelled', { ...stopped, costUsd: 0.5 })).toMatchObject({ cost: 500_000 });
    const again = { ...stopped, priceUsd: 3, otherCostsUnknown: 1 };
    expect(await ours('GenerationCancelled', again)).toMatchObject({ cost: 3_000_000, presumed: true });
    const other = { ...stopped, otherRequestIds: ['r2'], otherCostUsd: 2 };
    expect(await ours('GenerationCancelled', other)).toMatchObject({ cost: 2_000_000 });
  });

  it.each([
    ['runs on', ours('GenerationCancelled', { cancel: { requestedAt: '', outcome: 'not_cancellable' } })],
    ['gave no answer', ours('GenerationCancelled', { cancel: { requestedAt: '', outcome: 'unknown' } })],
    ['was terminated in Temporal', ended(new TerminatedFailure('by hand'))],
  ])('costs its price where it %s', async (_, end) => {
    expect(await end).toMatchObject({ cost: 3_000_000, presumed: true });
  });

  it('costs nothing where it is let go of, but what the orders of a pipeline may have cost before', () => {
    const costOf = (cancel: NonNullable<Parameters<typeof letGoOfItem>[0]['cancel']>, isPipeline: boolean) =>
      endOfItem(open, names, letGoOfItem({ ...open, cancel }, { defaults: {}, ...(isPipeline && { plan: {} }) })).cost;
    expect(costOf('cancelled', false)).toBe(0);
    expect(costOf('not_submitted', false)).toBe(0);
    expect(costOf('not_cancellable', false)).toBe(3_000_000);
    expect(costOf('cancelled', true)).toBe(3_000_000);
  });

  it.each([
    ['was perhaps sent before', { onUnknownSubmission: 'resubmit' }, {}, 'cancelled', 3_000_000],
    ['may have been sent again by a person', { onUnknownSubmission: 'hold' }, {}, 'cancelled', 3_000_000],
    ['somebody else ordered, by whatever policy', {}, { attached: true }, 'cancelled', 3_000_000],
    ['was sent once', { onUnknownSubmission: 'fail' }, {}, 'cancelled', 0],
    ['was never sent', { onUnknownSubmission: 'resubmit' }, {}, 'not_submitted', 0],
  ] as const)('costs at most its price where it is let go of and %s', (_, defaults, more, cancel, cost) => {
    const end = letGoOfItem({ ...open, ...more, cancel }, { defaults });
    expect(endOfItem(open, names, end).cost).toBe(cost);
  });
});

describe('an order that is found', () => {
  const found = (mark: object | undefined) => {
    const describe = () => Promise.resolve({ memo: mark && { [batchItemMemoKey]: mark } });
    const client = { workflow: { getHandle: () => ({ describe }) } } as unknown as Client;
    return foundAs(client, 'k/a', { run: 'new', index: 5 });
  };

  it.each([
    ['its own place', { run: 'new', index: 5 }, { isStarted: true }],
    ['another place', { run: 'new', index: 2 }, { isStarted: true, attached: true, isRepeat: true }],
    ['this place of an earlier run', { run: 'old', index: 5 }, { isStarted: true, attached: true }],
    ['another place of an earlier run', { run: 'old', index: 2 }, { isStarted: true, attached: true }],
    ['somebody else', undefined, { isStarted: true, attached: true }],
  ])('as one of %s counts once', async (_, mark, expected) => {
    expect(await found(mark)).toEqual(expected);
  });
});

it('an order that Temporal does not have is told as one that may never have been made', () => {
  const { error } = lostItem('k/a').failure;
  expect(error).toMatchObject({ type: 'SubmitOutcomeUnknown', submission: 'unknown' });
  expect(error.message).toBe('Temporal has no "k/a", or keeps it no longer: whether it was ordered is not known here');
});

import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { BatchDeps } from '../../activities/batch/batch-deps.ts';
import { createRunWindow } from '../../activities/batch/run-window.ts';
import { lostItem } from '../../client/batch/item-marks.ts';
import type { OpenItem, WindowAnswer, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import type { BatchItem } from '../../domain/batch/batch.ts';
import type { ItemEnd } from '../../domain/batch/item-end.ts';
import type { ItemMark, Made } from '../../domain/batch/item-order.ts';
import { jsonBytes } from '../../domain/json.ts';

const itemsOf = (count: number) => ({ pages: [{ page: 0, from: 0, count }], total: count });
const ofBatch = {
  key: 'batch',
  firstRunId: 'run-1',
  defaults: {},
  priority: {},
  write: [],
  givenBack: [],
  failuresInARow: 0,
  pauseAfterFailures: 0,
  spent: 0,
};
const paused: WindowQuestion = {
  ...ofBatch,
  lastsMs: 1,
  ...itemsOf(2),
  cursor: 0,
  open: [],
  window: 2,
  mayStart: false,
  doubtful: [0, 1],
};

/** Of an order that does not end. */
function untilStopped(_: string, signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

/** What a window in a pause tells of the first item, which a lost one has started, while the catalogue is away. */
async function lookUp(limits: Partial<WindowQuestion>, item: Partial<BatchItem>): Promise<WindowAnswer> {
  const orders = {
    wasStarted: (key: string) => Promise.resolve(key === 'batch/a'),
    follow: untilStopped,
  };
  const items = ['a', 'b'].map((id) => ({ id, model: 'some/text-to-image', input: {}, ...item }));
  const deps = {
    orders,
    pages: { readItems: () => Promise.resolve(items) },
    lookup: { getModel: () => Promise.reject(new Error('too slow')) },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  return await run(deps, { ...paused, ...limits });
}

async function run(deps: BatchDeps, question: WindowQuestion): Promise<WindowAnswer> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  return await environment.run(createRunWindow(deps), question);
}

it.each<[string, Partial<WindowQuestion>, Partial<BatchItem>, Partial<WindowAnswer>]>([
  ['nothing where a limit asks for its price', { maxCost: 1_000_000 }, {}, { open: [], cursor: 0, isInDoubt: true }],
  [
    'the item at the price that it says itself',
    { maxCost: 1_000_000 },
    { maxPriceUsd: 0.5 },
    { open: [{ index: 0, price: 500_000 }], cursor: 1, isInDoubt: false },
  ],
  ['the item where nothing asks for its price', {}, {}, { open: [{ index: 0 }], cursor: 1, isInDoubt: false }],
])('of what a lost window had started is taken up, while the catalogue is away, %s', async (_, limits, item, told) => {
  expect(await lookUp(limits, item)).toEqual({ ended: [], givenBack: [], isFirstAttempt: true, ...told });
});

const many = 60;
const wide: WindowQuestion = {
  ...ofBatch,
  lastsMs: 5_000,
  ...itemsOf(many + 1),
  cursor: many,
  window: 500,
  open: Array.from({ length: many }, (_, index) => ({ index, cancel: 'not_cancellable' as const })),
  mayStart: true,
  maxCost: 1_000_000,
};

it.each<[string, Partial<WindowQuestion>]>([
  ['while the price of the next one is asked for', {}],
  ['and the others are let go', { mayStart: false, isLetGo: true }],
])('a window whose items all end at once %s tells of as many as an answer holds', async (_, more) => {
  const result = { outputs: { text: 'x'.repeat(15_000) }, costUsd: 0 };
  const deps = {
    orders: { follow: () => Promise.resolve({ result }) },
    pages: {
      readItems: () =>
        Promise.resolve(Array.from({ length: many + 1 }, (_item, at) => ({ id: String(at), model: 'a/b', input: {} }))),
      write: () => Promise.resolve(),
    },
    lookup: {
      getModel: async () => {
        await sleep(100);
        throw new Error('too slow');
      },
    },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const answer = await run(deps, { ...wide, ...more });
  const lines = answer.ended.map(({ line }) => line);
  expect(new Set(lines.map(({ status }) => status))).toEqual(new Set(['succeeded']));
  expect(jsonBytes(lines)).toBeGreaterThan(256 * 1024);
  expect(jsonBytes(lines)).toBeLessThan(256 * 1024 + 16 * 1024);
  const indices = [...answer.ended, ...answer.open].map(({ index }) => index);
  expect(indices.sort((one, other) => one - other)).toEqual(wide.open.map(({ index }) => index));
});

it('a window that is full when an item is refused at its start tells of the refusal, which nobody could read again', async () => {
  const error = { type: 'InvalidInput', message: 'its key is that of another order', submission: 'not_sent' } as const;
  const follow = (key: string) =>
    Promise.resolve({ result: { outputs: { text: `${key} ${'x'.repeat(15_000)}` }, costUsd: 0 } });
  const start = async () => {
    await sleep(200);
    return { failure: { error } };
  };
  const items = Array.from({ length: many + 1 }, (_, at) => ({ id: String(at), model: 'a/b', input: {} }));
  const deps = {
    orders: { follow, start, wasStarted: () => Promise.resolve(false) },
    pages: { readItems: () => Promise.resolve(items), write: () => Promise.resolve() },
    lookup: { getModel: () => Promise.reject(new Error('too slow')) },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const { maxCost: _, ...unlimited } = wide;
  const answer = await run(deps, unlimited);
  expect(answer.open.length).toBeGreaterThan(0);
  expect(answer.open.map(({ index }) => index)).not.toContain(many);
  expect(answer.ended.find(({ index }) => index === many)?.line).toMatchObject({ status: 'failed', error });
});

it('what is let go after a restart is told by as many windows as it takes, each item once', async () => {
  const count = 600;
  const items = Array.from({ length: count }, (_, at) => ({ id: String(at), model: 'a/b', input: {} }));
  const deps = {
    orders: { follow: untilStopped },
    pages: { readItems: () => Promise.resolve(items), write: () => Promise.resolve() },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const question = { ...wide, ...itemsOf(count), cursor: count, lastsMs: 1 };
  const letGo = { ...question, mayStart: false, isLetGo: true as const };
  let open = items.map((_, index): OpenItem => ({ index, cancel: 'not_cancellable' }));
  const told: number[][] = [];
  while (open.length > 0 && told.length < count) {
    const answer = await run(deps, { ...letGo, open });
    told.push(answer.ended.map(({ index }) => index));
    expect(answer.ended.every(({ line }) => line.status === 'cancelled')).toBe(true);
    open = answer.open;
  }
  expect(told.map(({ length }) => length)).toEqual([250, 250, 100]);
  expect(told.flat()).toEqual(items.map((_, index) => index));
});

const wall = {
  failure: {
    error: { type: 'InsufficientBalance', message: 'the wallet is empty', submission: 'refused' },
    costUsd: 0.5,
  },
} satisfies ItemEnd;
const made: ItemEnd = { result: { requestId: 'r', costUsd: 0.5 } };
const paid = { type: 'InsufficientBalance', submission: 'accepted' };
const paidAtAWall = { status: 'failed', costUsd: 0.5, error: paid };
const withdrawn = { plan: { version: 1, steps: {} } };

/** The one item of a window, which a window before it has started where it has an `end`, and which is refused by now. */
async function refused(
  question: Partial<WindowQuestion>,
  end: ItemEnd | undefined,
  isMade: Made = end !== undefined,
): Promise<WindowAnswer> {
  const error = { type: 'InvalidInput', message: 'its input is not valid', submission: 'not_sent' } as const;
  const orders = {
    start: () => Promise.resolve({ failure: { error } }),
    wasStarted: (_: string, { run: first, index }: ItemMark) =>
      Promise.resolve(first === 'run-1' && index === 0 && isMade),
    follow: () => (end ? Promise.resolve(end) : Promise.reject(new Error('nothing was ordered'))),
    closedAt: () => Promise.resolve(new Date(0)),
  };
  const item = { id: 'a', ...(question.plan ? { params: {} } : { model: 'a/b', input: {} }) };
  const deps = {
    orders,
    pipelines: orders,
    pages: { readItems: () => Promise.resolve([item, item]), write: () => Promise.resolve() },
    lookup: { getModel: () => Promise.resolve({}) },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const alone = { ...itemsOf(1), cursor: 0, open: [], window: 1 };
  const { maxCost: _, ...unlimited } = wide;
  return await run(deps, { ...unlimited, ...alone, ...question });
}

const givenBack = { cursor: 1, givenBack: [0], paid: { 0: 500_000 } };

it.each<[string, Partial<WindowQuestion>, ItemEnd, object, number]>([
  ['was paid and given back, by its plan', { ...withdrawn, ...givenBack }, wall, paidAtAWall, 0],
  ['was paid and given back, for want of a price', { maxCost: 1, ...givenBack }, wall, paidAtAWall, 0],
  ['a lost window has started, by its plan', withdrawn, made, { status: 'succeeded', costUsd: 0.5 }, 500_000],
  ['a lost window has started, for want of a price', { maxCost: 1 }, made, { status: 'succeeded' }, 500_000],
  ['a lost window has started, at its start', {}, made, { status: 'succeeded', costUsd: 0.5 }, 500_000],
  ['a lost window has started, and met a wall', withdrawn, wall, paidAtAWall, 500_000],
])(
  'the line of an item that is refused now, and %s, tells what became of its order',
  async (_, question, end, line, cost) => {
    const answer = await refused(question, end);
    expect(answer).toMatchObject({ ended: [{ index: 0, line, cost }], open: [], givenBack: [], cursor: 1 });
  },
);

it('what an order of two places has cost until it met a wall is counted once', async () => {
  const open: OpenItem[] = [{ index: 0 }, { index: 1, attached: true, isRepeat: true }];
  const answer = await refused({ plan: {}, mayStart: false, ...itemsOf(2), cursor: 2, open }, wall);
  expect(answer).toMatchObject({ open: [], paid: { 0: 500_000 }, paidMore: 500_000 });
  expect(answer).not.toHaveProperty('presumedPaid');
});

it('what is only presumed of an item that met a wall is told as such', async () => {
  const end = { failure: { ...wall.failure, presumedUsd: 0.2 } };
  const answer = await refused({ plan: {}, mayStart: false, cursor: 1, open: [{ index: 0 }] }, end);
  expect(answer).toMatchObject({ paid: { 0: 700_000 }, paidMore: 700_000 });
  expect(answer).toMatchObject({ presumedPaid: { 0: 200_000 }, presumedMore: 200_000 });
});

it.each<[string, Partial<WindowQuestion>]>([
  ['by its plan', withdrawn],
  ['for want of a price', { maxCost: 1 }],
  ['at its start', {}],
])(
  'an item that is refused now %s, and that an earlier run of the batch has ordered, is attached',
  async (_, question) => {
    const answer = await refused(question, made, 'before');
    expect(answer).toMatchObject({
      ended: [{ line: { status: 'succeeded', attached: true }, cost: 500_000 }],
      open: [],
    });
  },
);

it('the line of an item that is not run again says why', async () => {
  const [ended] = (await refused({ ...withdrawn, ...givenBack }, wall)).ended;
  expect(ended?.line.error?.message).toMatch(
    /^the wallet is empty; not run again: nothing was sent, the item is not valid: /,
  );
});

it.each<[string, Partial<WindowQuestion>, ItemEnd | undefined, object]>([
  [
    'is refused now',
    { ...withdrawn, ...givenBack },
    undefined,
    { line: { costUsd: 0.5, error: { submission: 'accepted' } } },
  ],
  [
    'was being cancelled',
    { ...givenBack, givenBack: [], open: [{ index: 0, price: 2_000_000, cancel: 'unknown' }] },
    lostItem('batch/a'),
    { line: { status: 'submission_unknown', costUsd: 0.5 }, presumed: true, known: 0, cost: 1_500_000 },
  ],
])('an item that was paid and given back, of which Temporal keeps nothing, and %s, has its cost', async (...told) => {
  const [_, question, end, ended] = told;
  expect((await refused(question, end)).ended).toMatchObject([{ cost: 0, ...ended }]);
});

it.each<[string, Partial<WindowQuestion>, string]>([
  ['by its plan', withdrawn, 'InvalidInput'],
  ['for want of a price', { maxCost: 1 }, 'PriceUnknown'],
  ['at its start', {}, 'InvalidInput'],
])('the line of an item that is refused %s, and was never started, says so', async (_, question, type) => {
  const line = { status: 'failed', error: { type, submission: 'not_sent' } };
  expect((await refused(question, undefined)).ended).toMatchObject([{ line, cost: 0 }]);
});

it('a window that cannot write its lines leaves nothing at the signal of the stop', async () => {
  const stopping = new AbortController().signal;
  const away = new Error('away');
  const pages = { write: () => Promise.reject(away) };
  const deps = { pages, orders: {}, stopping, refusalAfter: () => undefined };
  const write = [{ page: 0, lines: [] }];
  await expect(run(deps as unknown as BatchDeps, { ...paused, lastsMs: 60_000, write })).rejects.toBe(away);
  expect(getEventListeners(stopping, 'abort')).toEqual([]);
});

import { expect, it } from 'vitest';
import { pipelinesInProcess } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

const minuteMs = 60_000;
const chain = {
  version: 1,
  steps: { a: still('a'), b: still('b ${{ steps.a.image }}'), c: still('c ${{ steps.b.image }}') },
};

it.each([
  ['seconds', {}],
  ['hours', { queueMs: [0, 300 * minuteMs], runMs: [minuteMs, 300 * minuteMs] }],
] as const)('three steps that take %s leave at most 60 events, those of the memo included', async (_, pace) => {
  const { execution, end } = await start({ plan: chain }, { pace });
  const { end: ended } = await end();
  expect(ended).toMatchObject({ result: { phase: 'succeeded' } });
  expect(execution.events).toHaveLength(1);
  expect(execution.events[0]).toBeLessThanOrEqual(60);
});

it.each([
  ['30 s, as our client gives, keeps them open', 30_000, true],
  ['10 s, as the server gives, does not', 10_000, false],
] as const)('a pipeline whose workflow tasks have %s', async (_, taskTimeoutMs, isKept) => {
  const plan = { version: 1, steps: { many: still('${{ item }}', { forEach: numbers(30) }) } };
  const { execution, end } = await start({ plan }, { taskTimeoutMs });
  expect((await end()).end).toMatchObject({ result: { phase: 'succeeded' } });
  const asked = execution.tasks.flatMap(({ commands }) => commands);
  expect(asked.some(({ scheduleLocalActivity }) => scheduleLocalActivity)).toBe(isKept);
});

it('a pipeline that is asked for its state at each workflow task asks for the same when it is replayed', async () => {
  const plan = {
    version: 1,
    steps: {
      many: still('${{ item }}', { forEach: numbers(60) }),
      pick: { approval: { choose: ['a', 'b'] }, needs: ['many'] },
      last: still('last', { needs: ['pick'] }),
    },
  };
  const { execution, time, end } = await start({ plan }, { isAsked: true });
  await time.run(() => execution.children.length === 60);
  await time.run(() => execution.tasks.at(-1)?.commands.some(({ modifyWorkflowProperties: shown }) => shown) ?? false);
  const decide = () => {
    execution.signal('decide', { step: 'pick', decision: 'approve', choose: 1 });
    if (execution.children.length < 61) time.after(1_000, decide);
  };
  decide();
  // Each run is replayed as it ends, with what its local activities answered heard of earlier, and later.
  expect((await end()).end).toMatchObject({ result: { phase: 'succeeded' } });
  expect(execution.children).toHaveLength(61);
});

it.each([
  ['at once', { queueMs: [50, 70], runMs: [50, 70] }, 1_000],
  ['close to each other', { queueMs: [500, 700], runMs: [500, 700] }, 1_000],
  ['a second apart', {}, 1_000],
  // Each end is heard alone then: nine events an order, of which Temporal leaves six whatever a workflow does.
  ['minutes apart', { queueMs: [minuteMs, 5 * minuteMs], runMs: [minuteMs, 60 * minuteMs] }, 1_860],
] as const)('a fan-out of 200 whose orders end %s leaves at most so many events', async (_, pace, most) => {
  const plan = { version: 1, steps: { many: still('${{ item }}', { forEach: numbers(200) }) } };
  const { execution, end, provider } = await start({ plan }, { pace });
  await end();
  expect(provider.jobs).toHaveLength(200);
  expect(execution.events).toHaveLength(1);
  expect(execution.events[0]).toBeLessThanOrEqual(most);
});

it('500 orders of 100 steps end well: one bill each, below 10,000 events, a state below 1 MiB', async () => {
  const steps = Object.fromEntries(
    numbers(100).map((at) => {
      const needs = at < 10 ? [] : [`s${String(at - 10)}`];
      return [`s${String(at)}`, still(`${String(at)} \${{ item }}`, { forEach: numbers(5), needs })];
    }),
  );
  const { execution, end, provider } = await start({ plan: { version: 1, steps } });
  const { state, end: ended } = await end();
  expect(ended).toMatchObject({ result: { phase: 'succeeded' } });
  expect(new Set(provider.jobs.map(({ key }) => key)).size).toBe(500);
  expect(provider.jobs).toHaveLength(500);
  expect(Math.max(...execution.events)).toBeLessThan(10_000);
  expect(Buffer.byteLength(JSON.stringify(state))).toBeLessThan(1024 * 1024);
});

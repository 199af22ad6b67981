import { expect, it } from 'vitest';
import { batchItemMemoKey } from '../../domain/names.ts';
import { createProvider } from '../fuzz/pipelines/provider.ts';
import { createVirtualTime } from '../fuzz/pipelines/virtual-time.ts';
import { pipelinesInProcess } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });

it('tells what its orders may have cost that did not say, those of a fan-out and of earlier attempts included', async () => {
  const steps = {
    many: still('${{ item }}', { forEach: ['a', 'b'], maxParallel: 1, maxPriceUsd: 0.05 }),
    tried: still('c', { attempts: 2, needs: ['many'], maxPriceUsd: 0.07 }),
    priceless: still('d', { needs: ['tried'] }),
  };
  const without = 'succeeds without a cost';
  const { end } = await start(
    { plan: { version: 1, steps } },
    { fates: [without, 'succeeds', 'fails', without, without] },
  );
  const { state, end: ended } = await end();
  expect(state).toMatchObject({ phase: 'succeeded', costUsd: 0.03, presumedUsd: 0.19 });
  expect(ended).toMatchObject({ result: { costUsd: 0.03, presumedUsd: 0.19, unpriced: 1 } });
});

it('counts what the item of a batch had cost before it was given back no second time', async () => {
  const onFailure = 'continue';
  const steps = { a: still('a', { onFailure }), b: still('b', { onFailure, needs: ['a'], runsWhen: 'ended' }) };
  const plan = { version: 1, steps };
  const { provider, time, ...first } = await start({ plan }, { fates: ['fails', 'meets an empty wallet', 'succeeds'] });
  await first.end();
  const billed = provider.runs[0]?.end;
  if (billed && 'failure' in billed) billed.failure.costUsd = 0.02;
  const again = async (mark: object) => {
    const run = await start(
      { plan },
      { time, provider, memo: { [batchItemMemoKey]: { run: 'r', index: 0, ...mark } } },
    );
    return (await run.end()).state;
  };
  const counted = await again({ paid: 20_000 });
  expect(counted).toMatchObject({
    costUsd: 0.03,
    reservedUsd: 0,
    steps: [{ phase: 'failed' }, { phase: 'succeeded' }],
  });
  // Nobody else has counted it then.
  expect(await again({})).toMatchObject({
    costUsd: 0.02,
    reservedUsd: 0,
    steps: [{ phase: 'failed' }, { reused: true }],
  });
});

it('counts against its limit what the item of a batch had cost before it was given back', async () => {
  const steps = {
    a: still('a', { maxPriceUsd: 0.03 }),
    b: still('b', { needs: ['a'], attempts: 4, maxPriceUsd: 0.03 }),
  };
  const request = { plan: { version: 1, steps }, maxCostUsd: 0.09 };
  const time = createVirtualTime(1);
  const fates = ['succeeds', 'fails', 'meets an empty wallet'] as const;
  const provider = createProvider(time, (order) => fates[order] ?? 'fails');
  const run = async (mark: object) => {
    const memo = { [batchItemMemoKey]: { run: 'r', index: 0, ...mark } };
    return (await start(request, { time, provider, memo })).end();
  };
  const wall = { steps: [{ phase: 'succeeded' }, { failure: { type: 'InsufficientBalance' } }] };
  expect(await run({})).toMatchObject({ state: { costUsd: 0.03, presumedUsd: 0.03, ...wall } });
  const refused = { steps: [{ reused: true }, { failure: { type: 'BudgetExceeded' } }] };
  const again = await run({ paid: 60_000, presumedPaid: 30_000 });
  expect(again).toMatchObject({ state: { presumedUsd: 0.03, reservedUsd: 0, ...refused } });
  expect(provider.jobs).toHaveLength(3);
});

it('counts the further requests of an order, and presumes those of which no cost is told', async () => {
  const onFailure = 'continue';
  const steps = { a: still('a', { onFailure, maxPriceUsd: 0.05 }) };
  const plan = { version: 1, steps };
  const { provider, time, ...first } = await start({ plan }, { fates: ['fails'] });
  await first.end();
  const billed = provider.runs[0]?.end;
  const further = { costUsd: 0.02, otherRequestIds: ['request-2'] };
  const again = async (told: object) => {
    if (billed && 'failure' in billed) Object.assign(billed.failure, further, told);
    return (await (await start({ plan }, { time, provider })).end()).end;
  };
  expect(await again({})).toMatchObject({ result: { costUsd: 0.02, unpriced: 1 } });
  expect(await again({ otherCostUsd: 0.03 })).toMatchObject({ result: { costUsd: 0.05 } });
  // A submit in doubt that nobody can name.
  const unnamed = { otherRequestIds: undefined, otherCostUsd: undefined, otherCostsUnknown: 1 };
  expect(await again(unnamed)).toMatchObject({ result: { costUsd: 0.02, unpriced: 1 } });
});

it('presumes nothing of an order that was stopped, also where somebody else stopped it or a submit of it was in doubt', async () => {
  const steps = { a: still('a', { onFailure: 'continue', maxPriceUsd: 0.05 }) };
  const plan = { version: 1, steps };
  const { provider, time, ...first } = await start({ plan }, { fates: ['fails'] });
  await first.end();
  const billed = provider.runs[0]?.end;
  const after = async (told: object) => {
    if (billed && 'failure' in billed)
      billed.failure = {
        key: billed.failure.key,
        submission: 'accepted',
        message: 'over',
        ...told,
      } as typeof billed.failure;
    return (await (await start({ plan }, { time, provider })).end()).end;
  };
  const free = { result: { costUsd: 0, steps: { a: { phase: 'failed' } } } };
  const stopped = await after({ type: 'GenerationTimedOut', cancel: 'cancelled' });
  expect(stopped).toMatchObject(free);
  expect(stopped).toMatchObject({ result: { steps: { a: { cancel: 'cancelled' } } } });
  for (const one of [stopped, await after({ type: 'GenerationCancelled' })]) {
    expect(one).toMatchObject(free);
    expect(one).not.toHaveProperty('result.unpriced');
    expect(one).not.toHaveProperty('result.presumedUsd');
  }
  expect(await after({ type: 'GenerationCancelled', cancel: 'not_cancellable' })).toHaveProperty('result.unpriced', 1);
});

it('presumes of an order that was stopped only what an earlier submit of it may have cost', async () => {
  const time = createVirtualTime(1);
  const provider = createProvider(time, () => 'waits too long');
  const inDoubt: typeof provider = {
    ...provider,
    start: ({ isEndOf, ...order }) =>
      provider.start({
        ...order,
        isEndOf: (end, run) => {
          if ('failure' in end) end.failure.otherCostsUnknown = 1;
          isEndOf(end, run);
        },
      }),
  };
  const steps = { a: still('a', { onFailure: 'continue', maxPriceUsd: 0.05 }) };
  const { end } = await start({ plan: { version: 1, steps } }, { time, provider: inDoubt });
  expect((await end()).state).toMatchObject({ costUsd: 0, presumedUsd: 0.05 });
});

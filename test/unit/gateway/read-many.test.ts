import type { Client } from '@temporalio/client';
import fc from 'fast-check';
import { beforeEach, expect, it, vi } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import type { DescribedGeneration, OpenGeneration } from '../../../client/operator/index.ts';
import { type Phase, phases } from '../../../domain/generation.ts';
import { createGenerationReader, type GenerationReads } from '../../../gateway/generations/read-generations.ts';

const startedAt = '2026-11-27T00:00:00.000Z';
const stepMs = 500;
const client = { withDeadline: (_: number, call: () => unknown) => call() } as unknown as Client;
const phaseAt = (step: number): Phase => phases[step] ?? 'succeeded';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});

/** Temporal as the reader sees it: what is described is true, what is listed is behind by `lagSteps`. */
function indexedTemporal({ lagSteps = 0, hasAttributes = true } = {}) {
  const truth = new Map<string, number>();
  const past: Map<string, number>[] = [];
  const calls = { describe: 0, list: 0, worker: 0 };
  const reads: GenerationReads = {
    describe: (_, key, options) => {
      calls.describe += 1;
      const phase = phaseAt(truth.get(key) ?? 0);
      if (phase === 'submitting' && options?.unsaidPhase === undefined) calls.worker += 1;
      const told: DescribedGeneration = { key, runId: 'run', model: 'a/b', phase, startedAt };
      const ending = { result: { requestId: key } } as unknown as NonNullable<DescribedGeneration['ending']>;
      return Promise.resolve(phase === 'succeeded' ? { ...told, ending } : told);
    },
    listOpen: (_, keys) => {
      calls.list += 1;
      if (!hasAttributes) return Promise.resolve(undefined);
      const seen = past.at(-1 - lagSteps) ?? new Map<string, number>();
      const rows = keys.flatMap((key): [string, OpenGeneration][] => {
        const step = seen.get(key);
        if (step === undefined || phaseAt(step) === 'succeeded') return [];
        return [[key, { runId: 'run', phase: phaseAt(step) }]];
      });
      return Promise.resolve(new Map(rows));
    },
  };
  return {
    truth,
    calls,
    reads,
    pass: () => {
      past.push(new Map(truth));
      vi.advanceTimersByTime(stepMs);
    },
  };
}

const keysOf = (count: number) => Array.from({ length: count }, (_, at) => `k${String(at)}`);
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

it('asks lists for the many that run, and for each of the few', async () => {
  for (const { count, describes } of [
    { count: 50, describes: 50 * 20 },
    { count: 400, describes: 400 * 2 },
  ]) {
    const { truth, calls, reads, pass } = indexedTemporal();
    const reader = createGenerationReader(client, reads);
    for (const key of keysOf(count)) truth.set(key, 2);
    for (let second = 0; second < 20; second += 1) {
      await Promise.all(keysOf(count).map((key) => reader.read(key)));
      await settle();
      pass();
      pass();
    }
    expect(calls.describe).toBeLessThanOrEqual(describes);
    if (count > 50) expect(calls.list).toBeLessThanOrEqual(20);
    else expect(calls).toMatchObject({ describe: describes, list: 0 });
  }
});

it('asks a worker of few of the many that wait to be submitted, and tells soon where each is submitted', async () => {
  const { truth, calls, reads, pass } = indexedTemporal();
  const reader = createGenerationReader(client, reads);
  const keys = keysOf(600);
  for (const key of keys) {
    truth.set(key, 0);
    reader.note(key, { runId: 'run', model: 'a/b' });
  }
  const readFor = async (seconds: number) => {
    let told: string[] = [];
    for (let second = 0; second < seconds; second += 1) {
      told = (await Promise.all(keys.map((key) => reader.read(key)))).map(({ phase }) => phase);
      await settle();
      pass();
      pass();
    }
    return told;
  };
  await readFor(10);
  const before = { ...calls };
  expect(await readFor(60)).toEqual(keys.map(() => 'submitting'));
  expect(calls.describe - before.describe).toBeLessThanOrEqual(2 * keys.length);
  expect(calls.worker - before.worker).toBeLessThanOrEqual(60 * 10 + 50);
  for (const key of keys) truth.set(key, phases.indexOf('in_queue'));
  expect(await readFor(6)).toEqual(keys.map(() => 'in_queue'));
});

it('tells no end before it can be read, nothing that is undone later, and every phase soon, however far the index is behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 30 }),
      fc.boolean(),
      fc.array(fc.array(fc.nat(79), { maxLength: 40 }), { minLength: 20, maxLength: 60 }),
      async (lagSteps, hasAttributes, script) => {
        const { truth, reads, pass } = indexedTemporal({ lagSteps, hasAttributes });
        const reader = createGenerationReader(client, reads);
        const keys = keysOf(80);
        const told = new Map<string, number>();
        for (const key of keys) truth.set(key, 0);
        const readAll = async () => {
          await Promise.all(
            keys.map(async (key) => {
              const { phase, ending } = await reader.read(key);
              expect(ending !== undefined).toBe(phase === 'succeeded');
              const step = phases.indexOf(phase);
              expect(step).toBeGreaterThanOrEqual(told.get(key) ?? 0);
              expect(step).toBeLessThanOrEqual(truth.get(key) ?? 0);
              told.set(key, step);
            }),
          );
          await settle();
        };
        for (const moves of script) {
          for (const at of moves) truth.set(`k${String(at)}`, Math.min((truth.get(`k${String(at)}`) ?? 0) + 1, 5));
          await readAll();
          pass();
        }
        // Lists that are up to date leave nothing open for longer than a few of them.
        for (let step = 0; step < lagSteps + 16; step += 1) {
          await readAll();
          pass();
        }
        expect(told).toEqual(truth);
      },
    ),
    { numRuns: 8, seed: 20_261_127 },
  );
});

it('asks each by itself again, where an index stands still', async () => {
  const { truth, reads, pass } = indexedTemporal({ lagSteps: 0 });
  const stale = new Map<string, OpenGeneration>(keysOf(80).map((key) => [key, { runId: 'run', phase: 'in_queue' }]));
  const reader = createGenerationReader(client, { ...reads, listOpen: () => Promise.resolve(stale) });
  for (const key of keysOf(80)) truth.set(key, 2);
  const seconds = 70;
  const phasesTold: Phase[] = [];
  for (let step = 0; step < seconds * 2; step += 1) {
    if (step === 10) for (const key of keysOf(80)) truth.set(key, 5);
    const all = await Promise.all(keysOf(80).map((key) => reader.read(key)));
    phasesTold.push(all[0]?.phase ?? 'failed');
    await settle();
    pass();
  }
  expect(phasesTold.at(11)).toBe('in_queue');
  expect(phasesTold.at(-1)).toBe('succeeded');
});

it('does not turn from a list that takes its time to all of them at once, and not wait for it for ever either', async () => {
  const { truth, calls, reads, pass } = indexedTemporal();
  const reader = createGenerationReader(client, { ...reads, listOpen: () => new Promise(() => undefined) });
  for (const key of keysOf(80)) truth.set(key, 2);
  const describesIn = async (steps: number) => {
    const before = calls.describe;
    for (let step = 0; step < steps; step += 1) {
      await Promise.all(keysOf(80).map((key) => reader.read(key)));
      await settle();
      pass();
    }
    return calls.describe - before;
  };
  await describesIn(4);
  expect(await describesIn(12)).toBe(0);
  expect(await describesIn(12)).toBeGreaterThanOrEqual(80);
});

it('tells the state of what is watched as it was asked for, and asks again where a list shows another phase', async () => {
  const { truth, calls, reads, pass } = indexedTemporal();
  const describe: GenerationReads['describe'] = async (...given) => {
    const told = await reads.describe(...given);
    const { model, phase } = told;
    return { ...told, state: { model, phase, submission: 'accepted', reads: 1, deadlineAt: startedAt } };
  };
  const reader = createGenerationReader(client, { ...reads, describe });
  const keys = keysOf(80);
  for (const key of keys) truth.set(key, 2);
  const readAll = async () => {
    const all = await Promise.all(keys.map((key) => reader.read(key, 'whole')));
    await settle();
    pass();
    return all.map(({ phase, state }) => [phase, state?.phase]);
  };
  for (let step = 0; step < 6; step += 1) await readAll();
  const before = calls.describe;
  truth.set('k7', 3);
  for (let step = 0; step < 10; step += 1) await readAll();
  const told = await readAll();
  expect(told[7]).toEqual(['in_progress', 'in_progress']);
  expect(told[8]).toEqual(['in_queue', 'in_queue']);
  expect(calls.describe).toBe(before + 1);
});

it('asks anew for what was just cancelled, whatever a list says meanwhile, and for what a list no longer has', async () => {
  const { truth, calls, reads, pass } = indexedTemporal();
  const gone = new Set<string>();
  const listOpen: GenerationReads['listOpen'] = (_, keys) => {
    calls.list += 1;
    const rows = keys.filter((key) => !gone.has(key)).map((key) => [key, { runId: 'run', phase: 'in_queue' }] as const);
    return Promise.resolve(new Map<string, OpenGeneration>(rows));
  };
  const reader = createGenerationReader(client, { ...reads, listOpen });
  for (const key of keysOf(80)) truth.set(key, 2);
  const untilListed = async (keys: string[]) => {
    for (const before = calls.list; calls.list === before;) {
      pass();
      await Promise.all(keys.map((key) => reader.read(key)));
      await settle();
    }
  };
  await untilListed(keysOf(80));
  await untilListed(keysOf(80));
  truth.set('k3', 5);
  reader.refresh('k3');
  await untilListed(keysOf(80).slice(4));
  expect((await reader.read('k4')).phase).toBe('in_queue');
  expect((await reader.read('k3')).phase).toBe('succeeded');

  truth.set('k4', 5);
  gone.add('k4');
  expect((await reader.read('k4')).phase).toBe('in_queue');
  await untilListed(keysOf(80));
  const before = calls.describe;
  expect((await reader.read('k4')).phase).toBe('succeeded');
  expect((await reader.read('k5')).phase).toBe('in_queue');
  expect(calls.describe).toBe(before + 1);
});

it('tells what a list has told meanwhile where a generation cannot be asked for', async () => {
  const { truth, reads, pass } = indexedTemporal();
  let isBusy = false;
  const reader = createGenerationReader(client, {
    ...reads,
    describe: (...asked) => {
      if (isBusy) return Promise.reject(new GenerationError({ type: 'TemporalBusy', message: 'busy', key: 'k0' }));
      return reads.describe(...asked);
    },
  });
  const keys = keysOf(60);
  for (const key of keys) truth.set(key, phases.indexOf('in_queue'));
  for (let step = 0; step < 12; step += 1) {
    pass();
    await Promise.all(keys.map((key) => reader.read(key)));
    await settle();
  }
  isBusy = true;
  reader.refresh('k0');
  const asked = reader.read('k0');
  for (const key of keys) truth.set(key, phases.indexOf('in_progress'));
  for (let step = 0; step < 12; step += 1) {
    pass();
    await Promise.all(keys.slice(1).map((key) => reader.read(key)));
    await settle();
  }
  expect(await asked).toMatchObject({ phase: 'in_progress' });
});

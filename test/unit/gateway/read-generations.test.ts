import type { Client } from '@temporalio/client';
import { beforeEach, expect, it, vi } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import type { DescribedGeneration } from '../../../client/operator/index.ts';
import { phases } from '../../../domain/generation.ts';
import { createGenerationReader } from '../../../gateway/generations/read-generations.ts';

const startedAt = '2026-11-27T00:00:00.000Z';
const client = { withDeadline: (_: number, call: () => unknown) => call() } as unknown as Client;
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});

it('tells a new run of a key whose end was told, at once where it was begun here, else within two minutes', async () => {
  const run = { id: 'first', step: 5 };
  let isForgotten = false;
  const reader = createGenerationReader(client, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key) => {
      if (isForgotten) return Promise.reject(new GenerationError({ type: 'KeyNotFound', message: 'none', key }));
      const phase = phases[run.step] ?? 'succeeded';
      const told: DescribedGeneration = { key, runId: run.id, model: 'a/b', phase, startedAt };
      if (phase !== 'succeeded') return Promise.resolve(told);
      return Promise.resolve({ ...told, ending: { result: {} as never } });
    },
  });
  const runTold = async () => (await reader.read('k')).runId;
  const afterMinutes = async (minutes: number) => {
    vi.advanceTimersByTime(minutes * 60_000 + 1);
    await runTold();
    await settle();
  };
  expect(await runTold()).toBe('first');
  Object.assign(run, { id: 'late', step: 2 });
  reader.refresh('k');
  expect(await runTold()).toBe('late');
  run.step = 5;
  await afterMinutes(1);
  expect(await reader.read('k')).toMatchObject({ runId: 'late', phase: 'succeeded' });
  run.id = 'reset';
  await afterMinutes(1);
  expect(await runTold()).toBe('reset');
  isForgotten = true;
  await afterMinutes(1);
  await expect(runTold()).rejects.toMatchObject({ type: 'KeyNotFound' });
});

it('goes on to tell what is new where the clock of its machine is set back', async () => {
  let step = 3;
  const reader = createGenerationReader(client, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key) =>
      Promise.resolve({ key, runId: 'r', model: 'a/b', phase: phases[step] ?? 'in_progress', startedAt }),
  });
  expect(await reader.read('k')).toMatchObject({ phase: 'in_progress' });
  step = 4;
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(1_001);
  expect(await reader.read('k')).toMatchObject({ phase: 'fetching_result' });
});

it('asks again what became of a workflow that was cancelled as such while no worker was there', async () => {
  const state = { phase: 'cancelled', model: 'a/b', submission: 'accepted', reads: 0, deadlineAt: startedAt } as const;
  let asked = 0;
  const reader = createGenerationReader(client, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key) => {
      asked += 1;
      const told = asked === 1 ? { isFromServer: true as const } : { cancel: { outcome: 'cancelled' as const } };
      const ending = { state: { ...state, ...told } as never };
      return Promise.resolve({ key, runId: 'r', model: 'a/b', phase: 'cancelled', startedAt, ending });
    },
  });
  await reader.read('k');
  vi.advanceTimersByTime(2_000);
  expect(await reader.read('k')).toMatchObject({ ending: { state: { cancel: { outcome: 'cancelled' } } } });
  vi.advanceTimersByTime(2_000);
  await reader.read('k');
  expect(asked).toBe(2);
});

it('waits for a worker that is slow as for Temporal, unless what is known tells all that is asked for', async () => {
  let deadline = Infinity;
  const impatient = {
    withDeadline: (until: number, call: () => unknown) => {
      deadline = until;
      return call();
    },
  } as unknown as Client;
  const reader = createGenerationReader(impatient, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key, options) => {
      // A worker's answer, and behind it a call of Temporal, which has what is left.
      vi.advanceTimersByTime(11_000);
      if (Date.now() > deadline) {
        return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'too late', key }));
      }
      const told: DescribedGeneration = { key, runId: 'r', model: 'a/b', phase: 'in_progress', startedAt };
      return Promise.resolve(options?.withState ? { ...told, state: { phase: 'in_progress' } as never } : told);
    },
  });
  reader.note('k', { runId: 'r', model: 'a/b' });
  expect(await reader.read('k', 'whole')).toMatchObject({ phase: 'in_progress', state: { phase: 'in_progress' } });
  vi.advanceTimersByTime(2_000);
  expect(await reader.read('k', 'whole')).toMatchObject({ phase: 'in_progress', ageS: 24 });
});

it('keeps no more of what has ended than a megabyte, and the newest at that', async () => {
  const result = { outputs: ['x'.repeat(60_000)] };
  const asked: string[] = [];
  const reader = createGenerationReader(client, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key) => {
      asked.push(key);
      const ending = { result: result as never };
      return Promise.resolve({ key, runId: 'r', model: 'a/b', phase: 'succeeded', startedAt, ending });
    },
  });
  for (let at = 0; at < 20; at += 1) await reader.read(`k-${String(at)}`);
  await reader.read('k-19');
  expect(asked).toHaveLength(20);
  await reader.read('k-0');
  expect(asked.slice(20)).toEqual(['k-0']);
});

it('tells an end that another gateway may have told, and what began anew after it, however new its own last word is', async () => {
  let truth: Partial<DescribedGeneration> & Pick<DescribedGeneration, 'phase'> = { phase: 'in_progress' };
  const ended = (ending: object) => ({ ending: ending as NonNullable<DescribedGeneration['ending']> });
  const asked: (() => void)[] = [];
  const reader = createGenerationReader(client, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key) => {
      const told: DescribedGeneration = { key, runId: 'r', model: 'a/b', startedAt, ...truth };
      return new Promise((resolve) => {
        asked.push(() => {
          resolve(told);
        });
      });
    },
  });
  const answer = async <Told>(read: Promise<Told>) => {
    for (let at = 0; at < 3; at += 1) {
      await settle();
      for (const tell of asked.splice(0)) tell();
    }
    return await read;
  };
  const now = () => reader.read('k', 'brief', { mustBeNow: true });
  expect(await answer(reader.read('k'))).toMatchObject({ phase: 'in_progress' });

  vi.advanceTimersByTime(2_000);
  const before = reader.read('k');
  const failed = { phase: 'failed', submission: 'refused' };
  truth = { phase: 'failed', ...ended({ state: failed }) };
  const [told, ...finals] = [before, now(), now()];
  await settle();
  expect(asked, 'one at a time').toHaveLength(1);
  expect(await answer(Promise.all([told, ...finals]))).toMatchObject([
    { phase: 'in_progress' },
    { ending: { state: failed } },
    { ending: { state: failed } },
  ]);
  expect(asked).toEqual([]);

  truth = { phase: 'in_queue', runId: 'anew' };
  expect(await answer(reader.read('k'))).toMatchObject({ runId: 'anew', phase: 'in_queue' });
  const result = {};
  truth = { phase: 'succeeded', runId: 'anew', ...ended({ result }) };
  expect(await reader.read('k')).toMatchObject({ phase: 'in_queue' });
  expect(await answer(now())).toMatchObject({ ending: { result } });
});

it('awaits a Temporal that stalls where another gateway may have told the end, also behind a read that waits less', async () => {
  let [tookMs, deadline] = [0, Infinity];
  const stalling = {
    withDeadline: (until: number, call: () => unknown) => {
      deadline = until;
      return call();
    },
  } as unknown as Client;
  const reader = createGenerationReader(stalling, {
    listOpen: () => Promise.resolve(undefined),
    describe: (_, key) => {
      vi.advanceTimersByTime(tookMs);
      if (Date.now() > deadline) {
        return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'too late', key }));
      }
      return Promise.resolve({ key, runId: 'r', model: 'a/b', phase: 'in_progress', startedAt });
    },
  });
  const now = () => reader.read('k', 'brief', { mustBeNow: true });
  const age = async (read: Promise<{ ageS?: number }>) => (await read).ageS;
  await reader.read('k');
  vi.advanceTimersByTime(2_000);
  tookMs = 5_000;
  expect(await Promise.all([age(reader.read('k')), age(now())])).toEqual([7, undefined]);
  vi.advanceTimersByTime(7_000);
  expect(await age(now())).toBe(undefined);
  tookMs = 20_000;
  vi.advanceTimersByTime(7_000);
  expect(await age(now()), 'no longer than clients listen').toBe(32);
});

it('tells whoever asks for the result again and again by lists, and asks no worker for a place that it has no word for', async () => {
  const asked: (number | undefined)[] = [];
  const create = () =>
    createGenerationReader(client, {
      listOpen: (_, keys) =>
        Promise.resolve(
          new Map(keys.map((key) => [key, { key, runId: 'r', model: 'a/b', phase: 'in_queue' } as const])),
        ),
      describe: (_, key, options) => {
        asked.push(options?.positionWithinMs);
        return Promise.resolve({ key, runId: 'r', model: 'a/b', phase: 'in_queue', startedAt });
      },
    });
  const many = create();
  const now = (key: string) => many.read(key, 'brief', { mustBeNow: true });
  const keys = Array.from({ length: 100 }, (_, at) => `k-${String(at)}`);
  const pollFor = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      // Each asks every five seconds.
      await Promise.all(keys.filter((_, at) => at % 5 === second % 5).map(now));
      await settle();
      vi.advanceTimersByTime(1_000);
    }
  };
  await pollFor(15);
  asked.length = 0;
  await pollFor(15);
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(6_000);
  await now('k-0');
  expect(asked.splice(0), 'whoever asks once hears how it is now').toHaveLength(1);

  const few = create();
  for (const mustBeNow of [true, true, true, false]) {
    await few.read('k', 'brief', { mustBeNow });
    vi.advanceTimersByTime(2_000);
  }
  expect(asked.splice(0)).toEqual([undefined, undefined, undefined, expect.any(Number)]);
  for (let time = 0; time < 2; time += 1) {
    await few.read('k', 'brief', { mustBeNow: true });
    vi.advanceTimersByTime(500);
  }
  expect(asked, 'where few are read, each answer is of now').toHaveLength(2);
});

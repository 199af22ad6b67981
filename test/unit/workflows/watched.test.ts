import { expect, it, vi } from 'vitest';
import type { Generation } from '../../../workflows/generation/memory.ts';
import { noteWatched, waitingOf } from '../../../workflows/generation/next-read.ts';

it('forgets a person who has gone after a minute', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const generation = { facts: { request: {} }, plan: {} } as Generation;
  expect(waitingOf(generation)).toBeUndefined();
  noteWatched(generation);
  vi.setSystemTime(Date.now() + 59_000);
  expect(waitingOf(generation)).toEqual({ preset: 'interactive' });
  noteWatched(generation);
  vi.setSystemTime(Date.now() + 61_000);
  expect(waitingOf(generation)).toBeUndefined();
});

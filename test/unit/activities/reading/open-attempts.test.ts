import { describe, expect, it } from 'vitest';
import { createOpenAttempts } from '../../../../activities/reading/open-attempts.ts';

const long = 60_000;

describe('the reading attempts of a worker', () => {
  it('stop at once when their request is dropped, or another attempt takes over', async () => {
    const readings = createOpenAttempts(10);
    const first = readings.begin('a').pause(long);
    const second = readings.begin('a').pause(long);
    expect(await first).toBe('dropped');
    readings.drop('a');
    expect(await second).toBe('dropped');
  });

  it('leave the others alone', async () => {
    const readings = createOpenAttempts(10);
    const other = readings.begin('b').pause(20);
    readings.drop('a');
    expect(await other).toBe('over');
  });

  it('do not pause beyond the room that is left to them', async () => {
    const readings = createOpenAttempts(1);
    const taken = readings.begin('a').pause(long);
    expect(await readings.begin('b').pause(long)).toBe('no-room');
    readings.drop('a');
    expect(await taken).toBe('dropped');
    expect(await readings.begin('b').pause(1)).toBe('over');
  });

  it('know that they were dropped', () => {
    const readings = createOpenAttempts(10);
    const first = readings.begin('a');
    expect(first.isDropped()).toBe(false);
    readings.begin('a');
    expect(first.isDropped()).toBe(true);
  });

  it('end when the worker shuts down', async () => {
    const readings = createOpenAttempts(10);
    const pauses = ['a', 'b', 'c'].map((request) => readings.begin(request).pause(long));
    readings.stopAll();
    expect(await Promise.all(pauses)).toEqual(['shutdown', 'shutdown', 'shutdown']);
    expect(await readings.begin('d').pause(long)).toBe('shutdown');
  });
});

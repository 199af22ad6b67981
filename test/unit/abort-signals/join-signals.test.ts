import { getEventListeners, once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import { joinSignals } from '../../../abort-signals/join-signals.ts';

const listenersOf = (...signals: AbortSignal[]) => signals.map((signal) => getEventListeners(signal, 'abort').length);

it('is aborted with the first that is, for its reason, and leaves nothing at the others', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const joined = joinSignals([one.signal, other.signal], 60_000);
  expect([joined.aborted, ...listenersOf(one.signal, other.signal)]).toEqual([false, 1, 1]);
  const reason = new Error('enough');
  other.abort(reason);
  one.abort();
  expect([joined.reason, ...listenersOf(one.signal, other.signal)]).toEqual([reason, 0, 0]);
});

it('is aborted from the beginning where one is, and listens to none', () => {
  const other = new AbortController();
  const gone = AbortSignal.abort('gone');
  const joined = joinSignals([other.signal, gone], 60_000);
  expect([joined.aborted, joined.reason]).toEqual([true, 'gone']);
  expect(listenersOf(other.signal, gone, joined)).toEqual([0, 0, 0]);
});

it('is aborted once its time is up, though memory is collected meanwhile', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const other = new AbortController();
  const joined = joinSignals([other.signal], 200);
  // What is made is kept until then.
  await setImmediate();
  collect();
  await once(joined, 'abort');
  expect(joined.reason).toMatchObject({ name: 'TimeoutError' });
  expect(listenersOf(other.signal)).toEqual([0]);
});

it('as many may wait at one signal as there are, and Node warns of no listeners', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const [stopping, done] = [new AbortController(), new AbortController()];
  const all = Array.from({ length: 50 }, () => joinSignals([stopping.signal, done.signal]));
  expect(listenersOf(stopping.signal)).toEqual([50]);
  done.abort();
  expect(all.every(({ aborted }) => aborted)).toBe(true);
  expect(listenersOf(stopping.signal)).toEqual([0]);
  expect(warn).not.toHaveBeenCalled();
});

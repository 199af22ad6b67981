import type { Client } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import { withSignal } from '../../../client/with-signal.ts';

it('a call that waits for long, poll by poll, is ended by its signal, and Node warns of no listeners', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  let polls = 0;
  // As the SDK does: it listens for each poll, and takes none of its listeners away.
  const client = {
    withAbortSignal: async (signal: AbortSignal, call: () => Promise<unknown>) => {
      const ended = new Promise((_resolve, reject) => {
        for (; polls < 50; polls += 1) {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }
      });
      return await Promise.race([call(), ended]);
    },
  } as unknown as Client;
  const stop = new AbortController();
  const waiting = withSignal(client, stop.signal, () => new Promise(() => undefined));
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(polls).toBe(50);
  expect(warn).not.toHaveBeenCalled();
});

it('what is asked after the signal is ended too', async () => {
  const client = {
    withAbortSignal: (signal: AbortSignal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
  } as unknown as Client;
  const asked = withSignal(client, AbortSignal.abort(new Error('enough')), () => Promise.resolve());
  await expect(asked).rejects.toThrow('enough');
});

import { expect, it } from 'vitest';
import type { RunComfyClient } from '../../../runcomfy/client.ts';
import { RunComfyError } from '../../../runcomfy/errors.ts';
import { watchToken } from '../../../worker/watch-token.ts';

const refused = new RunComfyError('Unauthenticated', 'no such token', { httpStatus: 401 });

it('tells of a refusal only whoever began before its call, and no more once a later call is answered', async () => {
  const answers: ((error?: Error) => void)[] = [];
  const balance = () =>
    new Promise((resolve, reject) => {
      answers.push((error) => {
        if (error) reject(error);
        else resolve({ usd: 1, microdollars: 1_000_000 });
      });
    });
  const { runcomfy, isRefused, refusalAfter } = watchToken({ balance } as unknown as RunComfyClient);
  const before = performance.now() - 1;
  const [old, later] = [runcomfy.balance(), runcomfy.balance()];
  answers[1]?.(refused);
  await expect(later).rejects.toThrow('no such token');
  // It was sent before the one that was refused.
  answers[0]?.();
  await old;
  expect([isRefused(), refusalAfter(before), refusalAfter(performance.now())]).toEqual([
    true,
    'no such token',
    undefined,
  ]);
  const renewed = runcomfy.balance();
  answers[2]?.();
  await renewed;
  expect([isRefused(), refusalAfter(before)]).toEqual([false, undefined]);
});

it('takes a token that cannot be read now for none that is refused, unlike one that is none', async () => {
  const errors = [
    new RunComfyError('Unauthenticated', 'the token cannot be read', { cause: new Error('no answer within 5 s') }),
    new RunComfyError('Unauthenticated', 'no token is set'),
  ];
  const balance = () => Promise.reject(errors.shift() ?? new Error('none is left'));
  const { runcomfy, isRefused } = watchToken({ balance } as unknown as RunComfyClient);
  await expect(runcomfy.balance()).rejects.toThrow('cannot be read');
  expect(isRefused()).toBe(false);
  await expect(runcomfy.balance()).rejects.toThrow('no token is set');
  expect(isRefused()).toBe(true);
});

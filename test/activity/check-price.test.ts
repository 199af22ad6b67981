import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { checkPrice } from '../../activities/submitting/check-price.ts';
import { isRunComfyError, RunComfyError } from '../../runcomfy/errors.ts';
import { flux } from '../support/simulator-client.ts';

const order = { model: flux, input: { prompt: 'a cat' }, firstExecutionRunId: 'run-1' };

/** The price, or the type of the refusal with what was sent. */
async function outcome(known: number | undefined, limits: { maxPriceUsd?: number; maxCostUsd?: number }) {
  try {
    return await checkPrice({ expectedPriceUsd: () => Promise.resolve(known) }, { ...order, ...limits });
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error;
    expect(error.nonRetryable).toBe(true);
    expect(error.details?.[0]).toMatchObject({ submission: 'not_sent' });
    return error.type;
  }
}

describe('the price of an order', () => {
  it('is held to the limits of the order before anything is sent', async () => {
    expect(await outcome(0.5, { maxPriceUsd: 0.4 })).toBe('BudgetExceeded');
    expect(await outcome(0.5, { maxCostUsd: 0.4 })).toBe('BudgetExceeded');
    expect(await outcome(0.5, { maxPriceUsd: 0.5, maxCostUsd: 0.5 })).toBe(0.5);
  });

  it('is refused as unknown under a limit, unless the caller says what it is at most', async () => {
    expect(await outcome(undefined, { maxCostUsd: 1 })).toBe('PriceUnknown');
    expect(await outcome(undefined, { maxCostUsd: 1, maxPriceUsd: 0.7 })).toBe(0.7);
    expect(await outcome(undefined, { maxCostUsd: 0.5, maxPriceUsd: 0.7 })).toBe('BudgetExceeded');
  });

  it('is asked for again where the catalogue gives no answer, whatever limit there is', async () => {
    for (const limits of [{ maxPriceUsd: 1 }, { maxCostUsd: 1 }, { budgets: ['team'] }]) {
      for (const error of [new Error('too slow'), new RunComfyError('RateLimited', 'slow', { retryAfterMs: 4_000 })]) {
        const asked = checkPrice({ expectedPriceUsd: () => Promise.reject(error) }, { ...order, ...limits });
        await expect(asked).rejects.toMatchObject({
          type: isRunComfyError(error) ? 'RateLimited' : 'ServiceUnavailable',
          message: `nothing was sent: the catalogue does not tell what ${flux} costs: ${error.message}`,
          nonRetryable: false,
          details: [{ submission: 'not_sent' }],
          ...(isRunComfyError(error) && { nextRetryDelay: 4_000 }),
        });
      }
    }
  });

  it('is asked for again while the token cannot be read, and not once RunComfy refuses it', async () => {
    const refusalOf = (error: Error) =>
      checkPrice({ expectedPriceUsd: () => Promise.reject(error) }, { ...order, maxPriceUsd: 1 });
    const cause = new Error('no such file');
    await expect(refusalOf(new RunComfyError('Unauthenticated', 'no token', { cause }))).rejects.toMatchObject({
      type: 'ServiceUnavailable',
      nonRetryable: false,
      details: [{ submission: 'not_sent' }],
    });
    for (const told of [{ httpStatus: 401 }, { httpStatus: 401, cause }, {}]) {
      await expect(refusalOf(new RunComfyError('Unauthenticated', 'refused', told))).rejects.toMatchObject({
        type: 'Unauthenticated',
        nonRetryable: true,
        details: [{ submission: 'not_sent' }],
      });
    }
  });

  it('asks no catalogue where nothing depends on it', async () => {
    const ask = () => Promise.reject(new Error('asked'));
    expect(await checkPrice({ expectedPriceUsd: ask }, order)).toBeUndefined();
  });
});

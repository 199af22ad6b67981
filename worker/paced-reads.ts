import { setTimeout as sleep } from 'node:timers/promises';
import type { RunComfyClient } from '../runcomfy/client.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';

const defaultBanMs = 1_000;

/**
 * Paces the status and result reads of one worker evenly, so that no second sees more than `readsPerSecond` (unset: no
 * limit). After a 429 all of its reads wait, for as long as RunComfy asks: the account is meant, not one request.
 */
export function paceReads(runcomfy: RunComfyClient, readsPerSecond: number | undefined): RunComfyClient {
  const gapMs = readsPerSecond === undefined ? 0 : 1_000 / readsPerSecond;
  let nextAt = 0;

  const paced = async <T>(read: () => Promise<T>): Promise<T> => {
    const now = Date.now();
    const turnAt = Math.max(now, nextAt);
    nextAt = turnAt + gapMs;
    if (turnAt > now) await sleep(turnAt - now);
    try {
      return await read();
    } catch (error) {
      if (isRunComfyError(error) && error.type === 'RateLimited') {
        nextAt = Math.max(nextAt, Date.now() + (error.retryAfterMs ?? defaultBanMs));
      }
      throw error;
    }
  };

  return {
    ...runcomfy,
    status: (requestId, options) => paced(() => runcomfy.status(requestId, options)),
    result: (requestId, options) => paced(() => runcomfy.result(requestId, options)),
  };
}

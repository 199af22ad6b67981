import type { RunComfyClient } from '../runcomfy/client.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';

/** A client that remembers what RunComfy last said of the token. */
export interface WatchedToken {
  runcomfy: RunComfyClient;
  /** Whether the last call that tells was refused for its token; one of them, the balance, is read every minute. */
  isRefused: () => boolean;
}

/** Looks at the answers that come anyway: nothing more is asked of RunComfy. */
export function watchToken(runcomfy: RunComfyClient): WatchedToken {
  let isRefused = false;
  const watch = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const reply = await answer;
      isRefused = false;
      return reply;
    } catch (error) {
      // A request that belongs to another account says nothing of this one's token.
      if (isRunComfyError(error) && error.type === 'Unauthenticated' && error.vendorCode !== notYours) isRefused = true;
      throw error;
    }
  };
  return {
    isRefused: () => isRefused,
    runcomfy: {
      ...runcomfy,
      submit: (...args) => watch(runcomfy.submit(...args)),
      status: (...args) => watch(runcomfy.status(...args)),
      result: (...args) => watch(runcomfy.result(...args)),
      cancel: (...args) => watch(runcomfy.cancel(...args)),
      balance: (...args) => watch(runcomfy.balance(...args)),
    },
  };
}

/** RunComfy's `error_code` for a request of somebody else. */
const notYours = 403001;

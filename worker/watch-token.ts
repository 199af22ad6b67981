import type { RunComfyClient } from '../runcomfy/client.ts';
import { isRunComfyError, isTokenRefused } from '../runcomfy/errors.ts';

/** A client that remembers what RunComfy last said of the token. */
export interface WatchedToken {
  runcomfy: RunComfyClient;
  /** Whether the last call that tells was refused for its token; one of them, the balance, is read every minute. */
  isRefused: () => boolean;
  /** RunComfy's words where it refuses the token now, in answer to a call that began after `since` (`performance.now()`). */
  refusalAfter: (since: number) => string | undefined;
}

/** Looks at the answers that come anyway: nothing more is asked of RunComfy. */
export function watchToken(runcomfy: RunComfyClient): WatchedToken {
  /** By the call that began last: one that was sent with the token of before may be answered after it. */
  let last: { calledAt: number; refusal?: string } = { calledAt: -Infinity };
  const watch = async <T>(call: () => Promise<T>): Promise<T> => {
    const calledAt = performance.now();
    const tell = (refusal?: string) => {
      if (calledAt >= last.calledAt) last = { calledAt, ...(refusal !== undefined && { refusal }) };
    };
    try {
      const reply = await call();
      tell();
      return reply;
    } catch (error) {
      // A request that belongs to another account says nothing of this one's token.
      if (isRunComfyError(error) && isTokenRefused(error) && error.vendorCode !== notYours) tell(error.message);
      throw error;
    }
  };
  return {
    isRefused: () => last.refusal !== undefined,
    refusalAfter: (since) => (last.calledAt > since ? last.refusal : undefined),
    runcomfy: {
      ...runcomfy,
      submit: (...args) => watch(() => runcomfy.submit(...args)),
      status: (...args) => watch(() => runcomfy.status(...args)),
      result: (...args) => watch(() => runcomfy.result(...args)),
      cancel: (...args) => watch(() => runcomfy.cancel(...args)),
      balance: (...args) => watch(() => runcomfy.balance(...args)),
    },
  };
}

/** RunComfy's `error_code` for a request of somebody else. */
const notYours = 403001;

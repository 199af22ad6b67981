import type { RunComfyClient } from '../runcomfy/client.ts';
import { isRunComfyError, isTokenRefused } from '../runcomfy/errors.ts';

/** A client that remembers what RunComfy last said about the token. */
export interface WatchedToken {
  runcomfy: RunComfyClient;
  /**
   * Whether RunComfy refused the token in the last call that says anything about it. One such call, for the balance,
   * is made every minute.
   */
  isRefused: () => boolean;
  /**
   * RunComfy's message if it currently refuses the token, from a call that began after `since` (`performance.now()`).
   */
  refusalAfter: (since: number) => string | undefined;
}

/** Watches the answers to calls that are made anyway; makes no calls of its own. */
export function watchToken(runcomfy: RunComfyClient): WatchedToken {
  /** Ordered by when a call began: a call sent with the previous token may be answered later. */
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
      // A request that belongs to another account says nothing about this token.
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

/** RunComfy's `error_code` for a request that belongs to another account. */
const notYours = 403001;

import type { CallContext } from '../classify.ts';
import { RunComfyError } from '../errors.ts';
import type { Scrubber } from './scrub.ts';

/**
 * Time that reading the token may take, in milliseconds: a secret store that does not answer must not hold an order
 * back beyond the deadline for sending it.
 */
const readWithinMs = 5_000;

/**
 * Creates the function that reads the token for each call. It rejects with a `RunComfyError` (`not_sent` for a submit)
 * if the token cannot be read within 5 s, is missing or contains characters that no token has, and with the signal's
 * own reason if the call is aborted.
 */
export function createTokenReader(
  read: () => string | Promise<string>,
  scrubber: Scrubber,
): (context: CallContext, signal?: AbortSignal) => Promise<string> {
  return async (context, signal) => {
    const details = context.endpoint === 'submit' ? { submission: 'not_sent' as const } : {};
    let token: string;
    try {
      token = await inTime(read, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      // A secret that is being rotated may be missing for a moment. Submits are not retried on `Unauthenticated`, reads
      // are.
      const type = context.endpoint === 'submit' ? 'ServiceUnavailable' : 'Unauthenticated';
      throw new RunComfyError(type, `${context.what}: the token cannot be read`, { ...details, cause });
    }
    if (!/^[\x21-\x7e]+$/.test(token)) {
      const found =
        token === '' ? 'no token is set; set RUNCOMFY_API_TOKEN' : 'the token has characters that no token has';
      throw new RunComfyError('Unauthenticated', `${context.what}: ${found}`, details);
    }
    scrubber.remember(token);
    return token;
  };
}

async function inTime(read: () => string | Promise<string>, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  let end = () => {};
  const given = new Promise<never>((_resolve, reject) => {
    const giveUp = () => {
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${String(readWithinMs / 1_000)} s`));
    }, readWithinMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
    };
  });
  try {
    return await Promise.race([read(), given]);
  } finally {
    end();
  }
}

import { z } from 'zod';

const { exactOptional } = z;

/** The query of operations that can wait. */
export const waiting = z.strictObject({
  wait: exactOptional(z.string()).meta({
    description: 'As `Prefer: wait`, for clients that cannot set headers: `30s`, at most a minute',
    pattern: String.raw`^(\d{1,9}|(\d{1,9}(\.\d{1,9})?(ms|s|m|h|d)){1,3})$`,
  }),
});

/** The header `Prefer`. */
export const prefer = exactOptional(z.string()).meta({
  description: '`wait=30`: answer at the end, or after so many seconds',
  examples: ['wait=30'],
});

/** The headers of operations that can wait. */
export const preferring = z.object({ prefer });

/** The header of operations that can tell whether their answer has changed. */
export const ifNoneMatch = {
  'if-none-match': exactOptional(z.string()).meta({ description: 'The `ETag` that is known already.' }),
};

/** The header that carries a key. */
export const keyHeader = {
  'idempotency-key': exactOptional(z.string()).meta({ description: 'The key, where the body names none.' }),
};

import pino from 'pino';
import type { Logger } from 'pino';

import type { LogLevel } from '../config/env.ts';

/** Structured logs on stderr; secrets are kept out where they arise, and these names are a second net. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      redact: { paths: ['token', 'authorization', '*.token', '*.authorization'], censor: '[secret]' },
    },
    pino.destination(2),
  );
}

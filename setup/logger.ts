import pino, { type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from '../config/env.ts';

/** Structured logs on stderr, or where `destination` says; secrets are kept out where they arise, and these names are a second net. */
export function createLogger(level: LogLevel, destination: DestinationStream = pino.destination(2)): Logger {
  return pino(
    {
      level,
      // An error has no fields of its own that JSON would show.
      serializers: { error: pino.stdSerializers.err },
      redact: { paths: ['token', 'authorization', '*.token', '*.authorization'], censor: '[secret]' },
    },
    destination,
  );
}

import pino, { type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from '../config/env.ts';
import { showObeyed } from '../domain/text.ts';

/**
 * Structured logs on stderr or to `destination`; human-readable lines if stderr is a terminal. Secrets are kept out at
 * their source; redacting these names is a second safeguard.
 */
export function createLogger(level: LogLevel, destination: DestinationStream = standardError()): Logger {
  return pino(
    {
      level,
      // JSON shows no field of an `Error` or of its causes.
      serializers: { error: pino.stdSerializers.errWithCause },
      redact: { paths: ['token', 'authorization', '*.token', '*.authorization'], censor: '[secret]' },
    },
    destination,
  );
}

/**
 * Writes to stderr and ignores errors. A full disk or a closed terminal session then costs only log lines; otherwise
 * such an error would end the process while orders are under way. A faster destination would wait for such a disk
 * forever.
 */
function standardError(): DestinationStream {
  const { stderr } = process;
  if (stderr.listenerCount('error', passOver) === 0) stderr.on('error', passOver);
  const destination = { write: (line: string) => void stderr.write(line) };
  return stderr.isTTY ? prettyLines(destination) : destination;
}

function passOver(): void {
  // What cannot be written cannot be told either.
}

/** Formats each entry as one line for humans: time, level, message and the other fields. */
export function prettyLines(destination: DestinationStream): DestinationStream {
  return {
    write: (line) => {
      const { level, time, pid: _pid, hostname: _hostname, msg, ...rest } = JSON.parse(line) as LoggedLine;
      const clock = new Date(time).toTimeString().slice(0, 8);
      const more = Object.entries(rest).map(([name, value]) => `${name}=${wordOf(value)}`);
      const word = (pino.levels.labels[level] ?? String(level)).toUpperCase();
      destination.write(`${[clock, word.padEnd(5), showObeyed(msg ?? ''), ...more].join(' ')}\n`);
    },
  };
}

interface LoggedLine extends Record<string, unknown> {
  level: number;
  time: number;
  msg?: string;
}

function wordOf(value: unknown): string {
  return showObeyed(typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value));
}

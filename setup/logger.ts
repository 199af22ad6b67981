import pino, { type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from '../config/env.ts';
import { showObeyed } from '../domain/text.ts';

/**
 * Structured logs on stderr, or where `destination` says; lines to read where that is a terminal. Secrets are kept out where
 * they arise, and these names are a second net.
 */
export function createLogger(level: LogLevel, destination: DestinationStream = standardError()): Logger {
  return pino(
    {
      level,
      // An error has no fields of its own that JSON would show, nor have those beneath it.
      serializers: { error: pino.stdSerializers.errWithCause },
      redact: { paths: ['token', 'authorization', '*.token', '*.authorization'], censor: '[secret]' },
    },
    destination,
  );
}

/**
 * A disk that is full, or a terminal whose session is closed, costs lines of the log and nothing else: an error there would
 * end the process, with orders on their way. A faster destination waits at such a disk for ever.
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

/** One line for people each: when, how grave, what, and what belongs to it. */
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

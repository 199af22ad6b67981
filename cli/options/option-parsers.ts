import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../../domain/duration.ts';
import { numberIn } from '../../domain/text.ts';

/** Parses a whole number above 0, for a commander option. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}

/** Parses a number above 0, for a commander option. */
export function parsePositive(text: string): number {
  const value = numberIn(text);
  if (value !== undefined && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** Parses USD from 0, for a commander option. */
export function parseUsd(text: string): number {
  return /^0+(?:\.0+)?$/.test(text) ? 0 : parsePositive(text);
}

/** Parses a duration with units to milliseconds, for a commander option. */
export function parseStretch(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError('Expected a stretch of time with its unit, such as 90s, 30m, 1h30m or 2d.');
}

/** Parses a whole number, for a commander option. */
export function parseWhole(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Expected a whole number.');
}

/** Parses a TCP port, for a commander option. */
export function parsePort(text: string): number {
  const port = parseWhole(text);
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('Expected a port from 0 to 65535.');
}

const momentPattern = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** Parses a past time, for a commander option: an ISO date (midnight UTC), a time with its zone, or how long ago. */
export function parseMoment(text: string): Date {
  const ms = parseDuration(text);
  const time = ms === undefined ? readMoment(text) : new Date(Date.now() - ms);
  if (time !== undefined) return time;
  throw new InvalidArgumentError(
    'Expected a time such as 2026-11-26 or 2026-11-26T08:00Z, or how long ago, such as 90m or 7d.',
  );
}

/** Parses a future time, for a commander option: an ISO date (midnight UTC), a time with its zone, or in how long. */
export function parseFutureMoment(text: string): Date {
  const ms = parseDuration(text);
  const time = ms === undefined ? readMoment(text) : new Date(Date.now() + ms);
  if (time !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    'Expected a time such as 2026-12-24 or 2026-12-24T08:00Z, or in how long, such as 30d.',
  );
}

function readMoment(text: string): Date | undefined {
  const time = momentPattern.test(text) ? new Date(text) : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
}

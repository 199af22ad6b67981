import { InvalidArgumentError } from 'commander';

import { parseDuration } from './parse-duration.ts';

/** A whole number above zero, for a commander option. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}

/** A number above zero, for a commander option. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** Milliseconds of a stretch of time with its unit, for a commander option. */
export function parseStretch(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError('Expected a stretch of time with its unit, such as 90s, 30m, 1h30m or 2d.');
}

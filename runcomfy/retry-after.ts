const defaultMaxMs = 5 * 60 * 1000;

/**
 * Parses a `Retry-After` header, in seconds or as an HTTP date, into milliseconds: at most `maxMs` (default 5 minutes),
 * undefined if it is neither. A date is counted from the reply's own `Date` header if there is one, so that a wrong
 * clock here does not matter.
 */
export function parseRetryAfter(
  header: string | undefined,
  dateHeader?: string,
  maxMs = defaultMaxMs,
): number | undefined {
  const text = header?.trim() ?? '';
  if (text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return bounded(Number(text) * 1000, maxMs);
  const until = /[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const serverNow = dateHeader === undefined ? Number.NaN : Date.parse(dateHeader);
  return bounded(until - (Number.isNaN(serverNow) ? Date.now() : serverNow), maxMs);
}

function bounded(ms: number, maxMs: number): number {
  return Math.round(Math.min(maxMs, Math.max(0, ms)));
}

const defaultMaxMs = 5 * 60 * 1000;

/**
 * Milliseconds that a `Retry-After` header asks to wait: seconds or an HTTP date, at most `maxMs`, 5 minutes. A date is counted
 * from the reply's own `Date` header where there is one, so that a clock that runs wrong here does not matter.
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

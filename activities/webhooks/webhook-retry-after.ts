import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { parseRetryAfter } from '../../runcomfy/retry-after.ts';

const maxRetryAfterMs = 60 * 60 * 1_000;

/** Milliseconds that a receiver asks to wait, at most an hour. */
export function retryAfterMsOf(headers: IncomingHttpHeaders): number | undefined {
  return parseRetryAfter(single(headers['retry-after']), single(headers['date']), maxRetryAfterMs);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

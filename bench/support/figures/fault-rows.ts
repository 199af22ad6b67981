import type { FaultRule } from '../../../simulator/index.ts';

/** Trouble that Temporal causes, not the provider: by its limits, its payloads or its own retries. */
export type TemporalTrouble =
  /** The input has a name half as long as Temporal's largest payload, so that a report about it does not fit. */
  | 'huge'
  /** The report of an accepted submit cannot be encoded, once. */
  | 'unreported'
  /** The run times out while its submit waits for the reply, and Temporal's workflow retry starts another run. */
  | 'retried';

/** One row of the fault table. */
export interface FaultRow {
  /** The heading of its column in the printed table. */
  short: string;
  fault: string;
  step: 'submit' | 'status' | 'result';
  rules: FaultRule[];
  /** Connections are refused for this long from the start. */
  refusedForMs?: number;
  /** What goes wrong in Temporal itself. Such rows apply only to subjects that run on Temporal. */
  atTemporal?: TemporalTrouble;
  /** How long a subject is watched; default 30 s. */
  windowMs?: number;
}

/** The rows of the comparison. The first eight were measured for every peer before. */
export const faultRows: readonly FaultRow[] = [
  {
    short: 'lost',
    fault: 'reply lost after accept, once',
    step: 'submit',
    rules: [{ fault: 'accept-then-reset', step: 'submit', times: 1 }],
  },
  {
    short: 'lost*',
    fault: 'reply lost after accept, always',
    step: 'submit',
    rules: [{ fault: 'accept-then-reset', step: 'submit' }],
  },
  {
    short: '502',
    fault: '502 after accept, once',
    step: 'submit',
    rules: [{ fault: 'accept-then-502', step: 'submit', times: 1 }],
  },
  {
    short: '503',
    fault: '503 before accept, twice',
    step: 'submit',
    rules: [{ fault: 'unavailable-json', step: 'submit', times: 2 }],
  },
  {
    short: '429',
    fault: '429 with Retry-After 3, once',
    step: 'submit',
    rules: [{ fault: 'rate-limited', step: 'submit', times: 1, retryAfter: 3 }],
  },
  {
    short: 's500',
    fault: '500 on one read',
    step: 'status',
    rules: [{ fault: 'http-status', step: 'status', times: 1 }],
  },
  {
    short: 's429',
    fault: '429 with Retry-After 3 on one read',
    step: 'status',
    rules: [{ fault: 'rate-limited', step: 'status', times: 1, retryAfter: 3 }],
  },
  {
    short: 's502*8',
    fault: '502 on eight reads in a row',
    step: 'status',
    rules: [{ fault: 'http-5xx', step: 'status', times: 8 }],
    windowMs: 240_000,
  },
  {
    short: 'cut',
    fault: 'reply cut off in the middle of its body, once',
    step: 'submit',
    rules: [{ fault: 'accept-then-cut-body', step: 'submit', times: 1 }],
  },
  {
    short: 'no-id',
    fault: 'accepted without an id in the reply, once',
    step: 'submit',
    rules: [{ fault: 'no-request-id', step: 'submit', times: 1 }],
  },
  { short: 'refused', fault: 'connections refused for 3 s', step: 'submit', rules: [], refusedForMs: 3_000 },
  {
    short: 's404',
    fault: '404 on the first two reads',
    step: 'status',
    rules: [{ fault: 'not-found', step: 'status', times: 2 }],
  },
  {
    short: 's-reset',
    fault: 'connection reset on one read',
    step: 'status',
    rules: [{ fault: 'reset', step: 'status', times: 1 }],
  },
  {
    short: 'r502',
    fault: '502 on one read of the result',
    step: 'result',
    rules: [{ fault: 'http-5xx', step: 'result', times: 1 }],
  },
  {
    short: 'encode',
    fault: 'accepted, and the report of it cannot be encoded, once',
    step: 'submit',
    rules: [],
    atTemporal: 'unreported',
  },
  {
    short: 'huge',
    fault: 'a name of 1 MiB in the input, of which nothing that tells fits into a payload',
    step: 'submit',
    rules: [],
    atTemporal: 'huge',
  },
  {
    short: '503+',
    fault: '503 of a gateway with Retry-After after accept, once',
    step: 'submit',
    rules: [{ fault: 'accept-then-503', step: 'submit', times: 1, retryAfter: 1 }],
  },
  {
    short: 'retried',
    fault: "Temporal's workflow retry after a run timeout during the submit",
    step: 'submit',
    rules: [{ fault: 'accept-then-delay', step: 'submit', times: 1, delayMs: 20_000 }],
    atTemporal: 'retried',
    windowMs: 120_000,
  },
];

export const usualWindowMs = 30_000;

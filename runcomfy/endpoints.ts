/** The calls to RunComfy's HTTP API, by what their errors mean and how long they may take. */
export type Endpoint = 'submit' | 'status' | 'result' | 'cancel' | 'catalogue' | 'balance';

/** How long each part of one attempt may take, in milliseconds. */
export interface EndpointTimeouts {
  /** DNS, TCP and TLS. */
  readonly connectMs: number;
  /** From the request's last byte to the reply's headers. */
  readonly headersMs: number;
  /** Between two pieces of the reply's body. */
  readonly bodyMs: number;
  /** The whole attempt. */
  readonly totalMs: number;
}

const readTimeouts: EndpointTimeouts = { connectMs: 10_000, headersMs: 15_000, bodyMs: 15_000, totalMs: 20_000 };
const quickTimeouts: EndpointTimeouts = { connectMs: 10_000, headersMs: 10_000, bodyMs: 10_000, totalMs: 10_000 };

/**
 * Timeouts of one attempt, by endpoint. A submit has the longest, because giving up early leaves its outcome unknown.
 */
export const endpointTimeouts: Readonly<Record<Endpoint, EndpointTimeouts>> = {
  submit: { connectMs: 10_000, headersMs: 60_000, bodyMs: 60_000, totalMs: 60_000 },
  status: readTimeouts,
  result: readTimeouts,
  cancel: quickTimeouts,
  catalogue: quickTimeouts,
  balance: quickTimeouts,
};

/** Overrides for single entries of `endpointTimeouts`. */
export type TimeoutOverrides = Partial<Record<Endpoint, Partial<EndpointTimeouts>>>;

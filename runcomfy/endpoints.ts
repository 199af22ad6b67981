/** The calls that RunComfy's HTTP API offers, as far as they differ in meaning and in patience. */
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

/** The patience of one attempt, by endpoint. A submit gets the most: giving up on it early leaves its outcome unknown. */
export const endpointTimeouts: Readonly<Record<Endpoint, EndpointTimeouts>> = {
  submit: { connectMs: 10_000, headersMs: 60_000, bodyMs: 60_000, totalMs: 60_000 },
  status: readTimeouts,
  result: readTimeouts,
  cancel: quickTimeouts,
  catalogue: quickTimeouts,
  balance: quickTimeouts,
};

/** Replacements for single figures of `endpointTimeouts`. */
export type TimeoutOverrides = Partial<Record<Endpoint, Partial<EndpointTimeouts>>>;

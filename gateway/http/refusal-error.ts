import type { InputIssue } from '../../domain/generation.ts';

/** Every reason for which the gateway refuses a call, with its HTTP status and its error code in RunComfy's API. */
export const refusals = {
  ModelUnknown: { status: 400, code: 400001 },
  MalformedRequest: { status: 400, code: 400006 },
  KeyMismatch: { status: 400, code: 400006 },
  NotAuthenticated: { status: 401, code: 401001 },
  NotAllowed: { status: 403, code: 403003 },
  ForeignOrigin: { status: 403, code: 403004 },
  KeyNotFound: { status: 404, code: 404001 },
  RouteNotFound: { status: 404, code: 404001 },
  MethodNotAllowed: { status: 405, code: 405001 },
  NotAcceptable: { status: 406, code: 406001 },
  TooSlow: { status: 408, code: 408001 },
  TooLarge: { status: 413, code: 413001 },
  PathTooLong: { status: 414, code: 414001 },
  UnsupportedMediaType: { status: 415, code: 415001 },
  HostNotAllowed: { status: 421, code: 421001 },
  BrokenJson: { status: 422, code: 422001 },
  InvalidInput: { status: 422, code: 422001 },
  PriceAboveLimit: { status: 422, code: 422001 },
  PriceUnknown: { status: 422, code: 422001 },
  KeyInUse: { status: 422, code: 422002 },
  TooManyRequests: { status: 429, code: 429001 },
  HeadersTooLarge: { status: 431, code: 431001 },
  Internal: { status: 500, code: 500001 },
  TemporalUnreachable: { status: 503, code: 503001 },
  CatalogueUnavailable: { status: 503, code: 503002 },
  IssuerUnreachable: { status: 503, code: 503003 },
  Overloaded: { status: 503, code: 503003 },
  Draining: { status: 503, code: 503003 },
  CancelUnclear: { status: 504, code: 504001 },
} as const satisfies Record<string, { status: number; code: number }>;

export type RefusalName = keyof typeof refusals;

/** Optional details of a refusal. */
export interface RefusalFields {
  /** Problems of the input, by path. */
  issues?: readonly InputIssue[] | undefined;
  headers?: Record<string, string>;
  /** Key of the order that the message is about, as the caller knows it. */
  key?: string | undefined;
  /** Hints appended to the message, and to the first problem where that is shown instead. */
  hints?: string;
  /** Further fields of the error body in RunComfy's API. */
  beside?: object;
  cause?: unknown;
}

/** A call answered with an error; the message is a sentence for the caller. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly refusal: RefusalName;
  readonly issues: readonly InputIssue[];
  readonly headers: Record<string, string>;
  readonly key: string | undefined;
  readonly hints: string;
  readonly beside: object;

  constructor(
    refusal: RefusalName,
    message: string,
    { issues = [], headers = {}, key, hints = '', beside = {}, cause }: RefusalFields = {},
  ) {
    super(`${message}${hints}`, cause === undefined ? undefined : { cause });
    this.refusal = refusal;
    this.issues = issues;
    this.headers = headers;
    this.key = key;
    this.hints = hints;
    this.beside = beside;
  }
}

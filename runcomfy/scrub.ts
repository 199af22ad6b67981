import { isJsonObject } from '../domain/json.ts';

const mask = '[token]';
const remembered = 8;

/** Removes the token from whatever comes back from RunComfy. */
export interface Scrubber {
  /** Notes a token before it is sent. The ones used before it stay known: an old one may be echoed late. */
  remember: (token: string) => void;
  text: (text: string) => string;
  /** A copy of a JSON value without the token in any string or key. */
  json: (value: unknown) => unknown;
  /** A copy of an error that keeps name, code and message, and nothing else that could carry a header. */
  cause: (error: unknown) => Error;
}

/** Creates a scrubber for one client. */
export function createScrubber(): Scrubber {
  let recent: string[] = [];
  let longestFirst: string[] = [];

  const text = (dirty: string): string => longestFirst.reduce((clean, token) => clean.replaceAll(token, mask), dirty);

  const json = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(json);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), json(item)]));
  };

  return {
    text,
    json,
    remember(token) {
      if (token === '' || recent[0] === token) return;
      recent = [token, ...recent.filter((known) => known !== token)].slice(0, remembered);
      // A token that contains another one is masked whole.
      longestFirst = recent.toSorted((a, b) => b.length - a.length);
    },
    cause(error) {
      const { name, message, code } = describeError(error);
      const clean = new Error(text(message));
      clean.name = name;
      return code === undefined ? clean : Object.assign(clean, { code });
    },
  };
}

interface ErrorDescription {
  name: string;
  message: string;
  code?: string;
}

/** Name, message and code of whatever was thrown; of the first one where Node tried several addresses. */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const message = error.message === '' ? (code ?? error.name) : error.message;
  return { name: error.name, message, ...(code !== undefined && { code }) };
}

import { isJsonObject } from '../../domain/json.ts';

const mask = '[token]';
const remembered = 8;

/**
 * Length from which a token is masked anywhere in a text. A shorter one occurs in ids, URLs and words by chance, and is
 * masked only where it is clearly the token.
 */
const shortestSecret = 8;

/**
 * Least number of characters of a token that are removed from the end of a cut text: fewer reveal nothing and occur by
 * chance.
 */
const shortestBeginning = 4;

/** Removes the token from whatever comes back from RunComfy. */
export interface Scrubber {
  /** Remembers a token before it is sent, along with the 7 before it: an old one may be echoed late. */
  remember: (token: string) => void;
  text: (text: string) => string;
  /** The same for a text that may have been cut anywhere: also removes the beginning of a token from its end. */
  beginning: (text: string) => string;
  /** A copy of a JSON value without the token in any string or key. */
  json: (value: unknown) => unknown;
  /** A copy of an error that keeps name, code and message, and nothing else that could carry a header. */
  cause: (error: unknown) => Error;
}

/** Creates a scrubber for one client. */
export function createScrubber(): Scrubber {
  let recent: string[] = [];
  let longestFirst: string[] = [];

  const clean = (dirty: string, leastOf: (token: string) => number): string => {
    const text = longestFirst.reduce(masked, dirty);
    const lengths = longestFirst.map((token) => lengthOfBegunToken(text, token, leastOf(token)));
    return text.slice(0, text.length - Math.max(0, ...lengths));
  };

  // Servers may cut a message in which they echo a header, so half a token is removed from the end of a text as well.
  const text = (dirty: string) => clean(dirty, ({ length }) => Math.max(shortestSecret, length / 2));

  const beginning = (cut: string) => clean(cut, () => shortestBeginning);

  const json = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(json);
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), json(item)]));
  };

  return {
    text,
    beginning,
    json,
    remember(token) {
      if (token === '' || recent[0] === token) return;
      recent = [token, ...recent.filter((known) => known !== token)].slice(0, remembered);
      // Longest first, so that a token that contains another one is masked whole.
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

function masked(text: string, token: string): string {
  if (token.length >= shortestSecret) return text.replaceAll(token, mask);
  if (text === token) return mask;
  return text.replaceAll(/\bbearer\s+(\S+)/gi, (found, word: string) =>
    word.startsWith(token) ? found.replace(token, mask) : found,
  );
}

function lengthOfBegunToken(text: string, token: string, least: number): number {
  for (let length = Math.min(text.length, token.length - 1); length >= least; length -= 1) {
    if (text.endsWith(token.slice(0, length))) return length;
  }
  return 0;
}

interface ErrorDescription {
  name: string;
  message: string;
  code?: string;
}

/** Name, message and code of a thrown value; those of the first error if Node tried several addresses. */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const message = error.message === '' ? (code ?? error.name) : error.message;
  return { name: error.name, message, ...(code !== undefined && { code }) };
}

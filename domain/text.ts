/** The message of an error, or of whatever else was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Well-formed text, truncated to at most `maxLength` UTF-16 units followed by `…`. Never splits a surrogate pair, since
 * half of one cannot be encoded and breaks whatever prints it.
 */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return wellFormed(text);
  const isInsideCharacter = (text.codePointAt(maxLength - 1) ?? 0) > 0xffff;
  return `${wellFormed(text.slice(0, isInsideCharacter ? maxLength - 1 : maxLength))}…`;
}

/** The text with every lone surrogate replaced by U+FFFD. */
export function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}

/** Control characters, and characters that change the direction of text. */
const obeyed = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/**
 * Text that is safe to print to a terminal: control and direction characters are escaped as in JSON, except those in
 * `harmless`.
 */
export function showObeyed(text: string, harmless = ''): string {
  return text.replaceAll(obeyed, (character) =>
    harmless.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const decimals = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Parses a decimal number, ignoring surrounding blanks. Stricter than `Number`, which reads blanks as 0 and `0x10` as
 * 16.
 */
export function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  const number = decimals.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

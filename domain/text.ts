/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The text well formed, and cut after `maxLength` UTF-16 units at most with `…` behind: never inside a character, since
 * half of one cannot be encoded and breaks whoever prints it.
 */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return wellFormed(text);
  const isInsideCharacter = (text.codePointAt(maxLength - 1) ?? 0) > 0xffff;
  return `${wellFormed(text.slice(0, isInsideCharacter ? maxLength - 1 : maxLength))}…`;
}

/** The text with every half of a character replaced by U+FFFD. */
export function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}

/** Characters that a terminal obeys, and those that turn the direction of reading. */
const obeyed = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** Text as a terminal shows it: what it would obey is escaped as in JSON, but for the characters of `harmless`. */
export function showObeyed(text: string, harmless = ''): string {
  return text.replaceAll(obeyed, (character) =>
    harmless.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const decimals = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** The number that a text writes in decimals, blanks around it left out: `Number` finds 0 in blanks, and 16 in `0x10`. */
export function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  const number = decimals.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** Characters that a terminal obeys, and those that turn the direction of reading; a line feed and a tab are harmless. */
const obeyed = /(?![\t\n])[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** Text with control characters shown instead of obeyed, as JSON escapes them; lines stay lines. */
export function showControls(text: string): string {
  return text.replaceAll(obeyed, escaped);
}

/** The same on one line: for what came from outside and must not look like lines of ours. */
export function oneLine(text: string): string {
  return showControls(text).replaceAll(/[\t\n]/g, (character) => (character === '\n' ? String.raw`\n` : ' '));
}

/** The first `length` characters of a line, none of them half. */
export function fitLine(line: string, length: number): string {
  if (line.length <= length) return line;
  return line.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

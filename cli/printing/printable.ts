import { showObeyed } from '../../domain/text.ts';

/** Text with control characters escaped as in JSON; tabs and line breaks are kept. */
export function showControls(text: string): string {
  return showObeyed(text, '\t\n');
}

/** Like `showControls`, on one line. For text from outside, which must not look like lines of our own. */
export function oneLine(text: string): string {
  return showControls(text).replaceAll(/[\t\n]/g, (character) => (character === '\n' ? String.raw`\n` : ' '));
}

/** The first `length` UTF-16 units of a line, without splitting a surrogate pair. */
export function fitLine(line: string, length: number): string {
  if (line.length <= length) return line;
  return line.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}

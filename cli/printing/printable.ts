import { showObeyed } from '../../domain/text.ts';

/** Text with control characters shown instead of obeyed, as JSON escapes them; lines stay lines. */
export function showControls(text: string): string {
  return showObeyed(text, '\t\n');
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

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run-step.mjs';

const width = 140;

/** Paths of the pages for readers. */
export function pages() {
  return ['.', 'docs', 'docs/adr', 'examples', 'deploy']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => (folder === '.' ? name : `${folder}/${name}`)))
    .filter((name) => name.endsWith('.md'));
}

/** A page with every paragraph and list item wrapped again. */
export function wrapped(text) {
  const out = [];
  let block = [];
  let isCode = false;
  const flush = () => {
    if (block.length > 0) out.push(...wrapBlock(block));
    block = [];
  };
  for (const line of text.split('\n')) {
    const isFence = /^\s*(```|~~~)/.test(line);
    if (isFence || isCode || /^\s*$|^\s*[|#>]|^\s*<|^!\[| {2}$/.test(line)) {
      flush();
      out.push(line);
      if (isFence) isCode = !isCode;
      continue;
    }
    if (/^\s*(?:[-*]|\d+\.)\s/.test(line)) flush();
    block.push(line);
  }
  flush();
  return out.join('\n');
}

function wrapBlock(lines) {
  const [, indent, marker] = /^(\s*)((?:[-*]|\d+\.)\s+)?/.exec(lines[0]);
  const hanging = indent + ' '.repeat(marker?.length ?? 0);
  const words = wordsOf(
    lines
      .map((line) => line.trim())
      .join(' ')
      .slice(marker?.length ?? 0),
  );
  const out = [];
  let current = indent + (marker ?? '');
  let isEmpty = true;
  for (const word of words) {
    if (!isEmpty && current.length + 1 + word.length > width) {
      out.push(current);
      current = hanging;
      isEmpty = true;
    }
    current += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...out, current];
}

/**
 * Splits text into words. Code in backticks is one word; a word that would be markup at the start of a line stays with
 * the word before it.
 */
function wordsOf(text) {
  const words = [];
  for (const [word] of text.matchAll(/(?:`[^`]*`|[^\s`]|`)+/g)) {
    if (words.length > 0 && /^(?:[-+*>|#=]+|\d+[.)])$/.test(word)) words.push(`${words.pop()} ${word}`);
    else words.push(word);
  }
  return words;
}

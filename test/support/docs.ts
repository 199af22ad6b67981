import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A page of the documentation. */
export interface Page {
  /** Path relative to the project's folder, with forward slashes. */
  name: string;
  text: string;
  /** The text without fenced blocks. */
  prose: string;
  blocks: { language: string; code: string }[];
}

const fence = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;

/** Every Markdown page that belongs to the project. */
export function readPages(): Page[] {
  const files = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md', ...markdownBelow('docs')];
  return files.map((name) => {
    const text = readFileSync(path.join(root, name), 'utf8');
    const blocks = [...text.matchAll(fence)].map(([, , language = '', code = '']) => ({ language, code }));
    return { name, text, prose: text.replaceAll(fence, ''), blocks };
  });
}

/** One page by its name. */
export function readPage(name: string): Page {
  const page = readPages().find((candidate) => candidate.name === name);
  if (page === undefined) throw new Error(`There is no page ${name}.`);
  return page;
}

/** The links of a page, as written. */
export function linksOf({ prose }: Page): string[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchors that GitHub creates for the headings of a page. */
export function anchorsOf({ prose }: Page): string[] {
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The inline code of a page. */
export function inlineCodeOf({ prose }: Page): string[] {
  return [...prose.matchAll(/`([^`\n]+(?:\n[^`\n]+)?)`/g)].map(([, code = '']) => code.replaceAll('\n', ' '));
}

/** The rows of the tables below a heading, as their cells. Only rows that begin with inline code or a digit count. */
export function tableBelow({ text }: Page, heading: string): string[][] {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (at < 0) throw new Error(`There is no heading "${heading}".`);
  const rows: string[][] = [];
  for (const line of lines.slice(at + 1)) {
    if (/^#+ /.test(line)) break;
    if (line.startsWith('| `') || /^\| \d/.test(line)) {
      rows.push(
        line
          .split(/(?<!\\)\|/)
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    }
  }
  return rows;
}

/** The code words of a table's cell. */
export function codeIn(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

/**
 * Command lines that begin with `program`, in shell blocks and inline code. Continued lines are joined; comments and
 * pipes are cut off.
 */
export function commandLinesOf(page: Page, program: string): string[] {
  const shell = page.blocks.filter(({ language }) => language === 'sh').map(({ code }) => code.replaceAll('\\\n', ' '));
  const lines = [...shell.flatMap((code) => code.split('\n')), ...inlineCodeOf(page)];
  return lines.flatMap((line) => {
    const found = new RegExp(`(?:^|[ /])${program}( .*|$)`).exec(withoutQuotes(line));
    return found === null ? [] : [(found[1] ?? '').split(/ [#|&;>]/)[0]?.trim() ?? ''];
  });
}

/** Empties quoted text, which may contain anything. */
function withoutQuotes(line: string): string {
  return line.replaceAll(/'[^']*'/g, "''");
}

function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name.split(path.sep).join('/')}`)
    .sort();
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, commandLinesOf, inlineCodeOf, linksOf, type Page, readPages, root } from '../../support/docs.ts';

const pages = readPages();
const byName = new Map(pages.map((page) => [page.name, page]));
const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const folderNames = folders
  .map(({ name }) => name)
  .filter((name) => !['node_modules', 'dist', '.cache'].includes(name));

describe('the documentation', () => {
  it('has only relative links that lead to a file, and to a heading where they name one', () => {
    expect(pages.flatMap(linksOf).length).toBeGreaterThan(40);
    const isBroken = (page: Page, link: string) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [target = '', anchor] = link.split('#');
      const file = target === '' ? page.name : path.posix.join(path.posix.dirname(page.name), target);
      if (!existsSync(path.join(root, file))) return true;
      const linked = byName.get(file);
      return anchor !== undefined && (linked === undefined || !anchorsOf(linked).includes(anchor));
    };
    expect(findings((page) => linksOf(page).filter((link) => isBroken(page, link)))).toEqual([]);
  });

  it('names only paths of the repository that exist', () => {
    const isMissing = (code: string) => isRepositoryPath(code) && !existsSync(path.join(root, code));
    expect(findings((page) => inlineCodeOf(page).filter(isMissing))).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = (page: Page) => commandLinesOf(page, 'npm').map((line) => /^(?:run )?(\S+)/.exec(line)?.[1] ?? '');
    const npmOwn = ['ci', 'install', 'pack', ''];
    const isUnknown = (script: string) => !npmOwn.includes(script) && !Object.hasOwn(scripts, script);
    expect(findings((page) => named(page).filter(isUnknown))).toEqual([]);
    expect(pages.flatMap(named)).toContain('start');
  });
});

/** What is wrong on every page, named with the page. */
function findings(check: (page: Page) => string[]): string[] {
  return pages.flatMap((page) => check(page).map((found) => `${page.name}: ${found}`));
}

/** A folder of ours, something below one, or a file beside package.json by its usual ending. */
function isRepositoryPath(code: string): boolean {
  if (!/^[\w.@/-]+$/.test(code)) return false;
  const [first = '', ...rest] = code.split('/');
  if (rest.length > 0) return folderNames.includes(first) || first === 'docs';
  return /^(docker-compose\.yml|Dockerfile|\.env\.example|eslint\.config\.js|\.dependency-cruiser\.mjs|package\.json|architecture\.json)$/.test(
    code,
  );
}

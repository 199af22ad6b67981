import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../support/docs.ts';

interface Architecture {
  codeFolders: string[];
  shippedFolders: string[];
  existing: (folders: string[]) => string[];
  derivedFiles: () => { name: string; text: string }[];
}

const { codeFolders, shippedFolders, existing, derivedFiles } = (await import(
  new URL('../../../scripts/architecture.mjs', import.meta.url).href
)) as Architecture;

/** What a folder may hold before it gets wings. */
const aDozen = 12;

/** Folders in which every file is of one kind: they grow with what there is of it. */
const listsOfOneKind = ['cli/commands', 'cli/commands/batch', 'cli/commands/pipeline', 'gateway/contract'];

/**
 * Folders that are phases of one noun, or whose wings are still to be found, and their files: see
 * docs/adr/0022-role-noun-phase.md. A number may shrink, and does not grow.
 */
const largerFolders: Record<string, number> = {
  cli: 27,
  client: 14,
  'client/batch': 14,
  'client/generation/following': 16,
  config: 19,
  domain: 27,
  'gateway/http': 14,
  plans: 19,
  'runcomfy/models': 17,
  'runcomfy/schemas': 13,
  worker: 16,
  'workflows/generation': 23,
  'workflows/pipeline': 18,
};

describe('architecture.json', () => {
  it('has an entry for every folder of code', () => {
    const holdsCode = (name: string) => readdirSync(join(root, name), { recursive: true }).join('\n').includes('.ts');
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !/^(?:\.|node_modules$|dist$|coverage$)/.test(entry.name))
      .map(({ name }) => name);
    expect(folders.filter((name) => !codeFolders.includes(name) && holdsCode(name))).toEqual([]);
  });

  it.each(derivedFiles())('is what $name says; `npm run architecture` writes it', ({ name, text }) => {
    expect(readFileSync(join(root, name), 'utf8')).toBe(text);
  });

  it('lets exactly the folders of the build into the image', () => {
    const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    const folders = lines.filter((line) => /^!.*\/$/.test(line)).map((line) => line.slice(1, -1));
    expect(folders.sort()).toEqual(['bin', 'scripts', ...existing(shippedFolders)].sort());
  });

  it('has each shipped folder in the map of the README', () => {
    const map = /## Folders\n(.*?)\n## /s.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';
    expect(existing(shippedFolders).filter((name) => !map.includes(`\`${name}/\``))).toEqual([]);
  });
});

describe('a folder of code', () => {
  it('has wings where it holds more than a dozen files, but for those that are named here', () => {
    const files = existing(shippedFolders).flatMap((folder) =>
      readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && /\.m?[jt]s$/.test(entry.name))
        .map(({ parentPath }) => relative(root, parentPath)),
    );
    const counts = new Map<string, number>();
    for (const folder of files) counts.set(folder, (counts.get(folder) ?? 0) + 1);
    const grown = [...counts].filter(
      ([folder, count]) => count > (largerFolders[folder] ?? aDozen) && !listsOfOneKind.includes(folder),
    );
    expect(grown).toEqual([]);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
});

// The import table of architecture.json and what is derived from it.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The rows by folder, or by file without its extension. Who may import a row follows from the other rows. */
export const rows = JSON.parse(readFileSync(`${root}/architecture.json`, 'utf8'));

const names = Object.keys(rows).filter((name) => !name.includes('/'));

/** The folders of code, including planned ones. */
export const codeFolders = names;

/** The folders whose code is shipped in the package and in the image. */
export const shippedFolders = names.filter((name) => ships(name));

/** Whether the row's code is in the package; tests, benchmarks, scripts and examples are not. */
export function ships(name) {
  return rows[name].ships !== false;
}

/** The folders among `folders` that exist in this clone. */
export function existing(folders) {
  return folders.filter((name) => existsSync(`${root}/${name}`) || existsSync(`${root}/${name}.ts`));
}

/** Whether an entry of a row is a package, not one of our folders. */
export function isPackage(entry) {
  return !codeFolders.includes(entry.split('/')[0]);
}

/** A regular expression for an entry that is one of our paths; `*` matches any one folder. */
export function pathPattern(entry) {
  return `${entry.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}(?:/|$|\\.[a-z]+$)`;
}

/** The table of docs/architecture.md. */
export function markdownTable() {
  const shown = existing(Object.keys(rows).filter((name) => ships(name.split('/')[0])));
  const others = codeFolders.filter((name) => !ships(name));
  return [
    '| Folder | What it is | May import |',
    '| --- | --- | --- |',
    ...shown.map((name) => `| \`${shownPath(name)}\` | ${rows[name].is} | ${allowedCell(rows[name])} |`),
    `| ${others.map((name) => `\`${name}/\``).join(', ')} | programs that use the rest; nobody imports them | anything |`,
  ];
}

/** The lines of .dockerignore that include the folders of the build. */
export function dockerignoreLines() {
  return existing(shippedFolders).map((name) => `!${name}/`);
}

/** Replaces the lines of `text` between two marks; each mark is a whole line. */
export function replaceBetween(text, first, last, lines) {
  const [before, rest] = text.split(`${first}\n`);
  const after = rest?.split(`${last}\n`)[1];
  if (after === undefined) throw new Error(`There are no lines "${first}" and "${last}".`);
  return `${before}${first}\n${lines.join('\n')}\n${last}\n${after}`;
}

/** The files that repeat the table, with the text they must have. */
export function derivedFiles() {
  return [
    [
      'docs/architecture.md',
      '<!-- table of architecture.json -->',
      '<!-- end of the table -->',
      ['', ...markdownTable(), ''],
    ],
    ['.dockerignore', '# Folders of architecture.json:', '# End of the folders.', dockerignoreLines()],
  ].map(([name, first, last, lines]) => ({
    name,
    text: replaceBetween(readFileSync(`${root}/${name}`, 'utf8'), first, last, lines),
  }));
}

function shownPath(name) {
  if (existsSync(`${root}/${name}.ts`)) return `${name}.ts`;
  return rows[name] === undefined ? name : `${name}/`;
}

function allowedCell({ mayImport, mayImportTypes = [], mayLoad = [] }) {
  const cells = (entries) =>
    entries
      .filter((entry) => isPackage(entry) || existing([entry.split('/')[0]]).length > 0)
      .map((entry) => `\`${shownPath(entry)}\``);
  const values = cells(mayImport);
  const types = cells(mayImportTypes);
  const loaded = cells(mayLoad);
  return [
    values.length > 0 ? values.join(', ') : 'nothing',
    ...(types.length > 0 ? [`types of ${types.join(', ')}`] : []),
    ...(loaded.length > 0 ? [`${loaded.join(', ')} on demand`] : []),
  ].join('; ');
}

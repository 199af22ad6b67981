import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { packageDir } from '../../../cli/manifest.ts';
import { temporaryFolder } from '../../support/processes.ts';

it.each([
  ['a clone', 'clone/cli/manifest.ts', 'clone'],
  ['a clone in a folder of that name', 'dist/cli/manifest.ts', 'dist'],
  ['a clone in a folder whose name ends so', 'my-dist/cli/manifest.ts', 'my-dist'],
  ['what is built', 'clone/dist/cli/manifest.js', 'clone'],
  ['what is built in such a folder', 'dist/dist/cli/manifest.js', 'dist'],
])('finds package.json from %s', async (_what, program, expected) => {
  const folder = await temporaryFolder();
  const place = path.join(folder, expected);
  await mkdir(place);
  await writeFile(path.join(place, 'package.json'), '{}');
  expect(packageDir(path.join(folder, program))).toBe(place);
});

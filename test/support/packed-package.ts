import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const execute = promisify(execFile);

/** Builds and packs the package as `npm publish` would; returns the tarball's path. */
export async function packInto(folder: string): Promise<string> {
  const env = { ...process.env, BUILD_UNCHECKED: '1' };
  const { stdout } = await execute('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env });
  return join(folder, stdout.trim().split('\n').at(-1) ?? '');
}

/** Installs packages or tarballs into a project, which is created if it is missing. */
export async function installInto(project: string, packages: string[]): Promise<void> {
  await mkdir(project, { recursive: true });
  const manifest = join(project, 'package.json');
  if (!existsSync(manifest)) await writeFile(manifest, '{"private":true,"type":"module"}');
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
  await execute('npm', ['install', ...flags, ...packages], { cwd: project });
}

/** Path of a Node of another major version, from the npm package with its binary; installed once below `.cache`. */
export async function nodeOfMajor(major: number): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, '.cache', 'test', `node-${String(major)}`);
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(program)) await installInto(folder, [`${name}@${String(major)}`]);
  return program;
}

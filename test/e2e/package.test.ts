import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { klingImageToVideoId, klingImageToVideoPayload } from '../../runcomfy/models/index.ts';

interface PackageJson {
  dependencies: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let folder = '';
let modules = '';
let installed = '';
let files: string[] = [];
let manifest: PackageJson;

/** Packs the package and lays it out as npm would: its own files, and of the dependencies only those it names. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root });
  await run('tar', ['-xzf', join(folder, stdout.trim().split('\n').at(-1) ?? ''), '-C', folder]);
  modules = join(folder, 'app', 'node_modules');
  installed = join(modules, 'runcomfy-temporal');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await cp(join(folder, 'package'), installed, { recursive: true });
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as PackageJson;
  for (const name of Object.keys(manifest.dependencies)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  await symlink('../runcomfy-temporal/bin/runcomfy-temporal', join(modules, '.bin', 'runcomfy-temporal'));
  files = await readdir(installed, { recursive: true });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The command as `npx` runs it. */
const runCommand = (...args: string[]) =>
  run(join(modules, '.bin', 'runcomfy-temporal'), args, { cwd: join(folder, 'app') });

describe('the packed package', () => {
  it('holds compiled code, declarations, data and the workflow bundle, and neither sources nor tests', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/workflow-bundle.js',
        'dist/client/index.d.ts',
        'dist/cli/main.js',
        'bin/runcomfy-temporal',
      ]),
    );
    expect(files.filter((file) => /(?<!\.d)\.ts$|^(test|scripts|bench)\b|\.test\./.test(file))).toEqual([]);
    expect(files.some((file) => file.startsWith('dist/runcomfy/models/') && file.endsWith('.json'))).toBe(true);
  });

  it('has every file that its exports name', () => {
    const paths = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : [target.types, target.default],
    );
    expect(paths.filter((path) => !existsSync(join(installed, path)))).toEqual([]);
  });

  it('can be imported by each of its names', async () => {
    const names = Object.keys(manifest.exports)
      .filter((name) => !name.endsWith('.json') && name !== './workflows')
      .map((name) => `runcomfy-temporal${name.slice(1)}`);
    const script = `const all = await Promise.all(${JSON.stringify(names)}.map((name) => import(name)));
      process.stdout.write(all.map((each) => Object.keys(each).length > 0).join());`;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await run(process.execPath, args, { cwd: join(folder, 'app') });
    expect(stdout).toBe(names.map(() => 'true').join());
  });

  it('runs its command from node_modules/.bin', async () => {
    expect((await runCommand('--help')).stdout).toContain('Usage: runcomfy-temporal');
    const input = JSON.stringify(klingImageToVideoPayload);
    await runCommand('validate', klingImageToVideoId, '--input', input, '--output', 'json');
  });
});

describe('bin/runcomfy-temporal in a clone', () => {
  it('runs the sources', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await run(join(root, 'bin/runcomfy-temporal'), ['--version'], { cwd: folder })).stdout.trim()).toBe(
      version,
    );
  });

  it('asks for npm ci when nothing is installed', async () => {
    const clone = join(folder, 'clone');
    for (const name of ['bin', 'cli', 'package.json'])
      await cp(join(root, name), join(clone, name), { recursive: true });
    await expect(run(join(clone, 'bin/runcomfy-temporal'), ['--help'])).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/^The dependencies are not installed: run `npm ci` .*\n$/) as string,
    });
  });
});

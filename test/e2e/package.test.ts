import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { findTemporalBinary } from '../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../config/env.ts';
import { bundledModels } from '../../runcomfy/models/index.ts';
import { linkFolder } from '../support/link-folder.ts';
import { registerNamespace } from '../support/namespaces.ts';
import { installInto, nodeOfMajor, packInto } from '../support/packed-package.ts';
import { hangMs, installHangMs } from '../support/patience.ts';

interface PackageJson {
  dependencies: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
/** Those that users have beside the one that runs these tests. */
const nodeMajors = [22, 24];
let folder = '';
let tarball = '';
let app = '';
let posters = '';
let installed = '';
let files: string[] = [];
let manifest: PackageJson;

/** The package in a project of its own, without the optional peer; and in the example's project, which has it. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  const [packed] = await Promise.all([packInto(folder), ...nodeMajors.map(nodeOfMajor)]);
  tarball = packed;
  app = join(folder, 'app');
  posters = join(folder, 'posters');
  await cp(join(root, 'examples', '06-your-own-project'), posters, { recursive: true });
  await installInto(app, [tarball, 'typescript@5.6.3', '@types/node@20']);
  // The example needs the same and the peer, whose native part for five platforms is here already, of the one version that fits.
  await linkFolder(join(app, 'node_modules'), join(posters, 'node_modules'));
  const native = join('node_modules', '@temporalio', 'core-bridge');
  await linkFolder(join(root, native), join(posters, native));
  // What is not in this list npm finds by looking.
  await rm(join(posters, 'node_modules', '.package-lock.json'));
  await installInto(posters, [tarball]);
  installed = join(app, 'node_modules', 'runcomfy-temporal');
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as PackageJson;
  files = await readdir(installed, { recursive: true });
  await writeFile(join(app, 'app.ts'), consumer);
}, installHangMs);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A user's program: types must be there, not `any`. */
const consumer = `
import { createGenerationClient, isGenerationError } from 'runcomfy-temporal';
import type { GenerationClient } from 'runcomfy-temporal';
import { createEncryptionCodec } from 'runcomfy-temporal/codec';
import * as operator from 'runcomfy-temporal/operator';
import { startSimulator } from 'runcomfy-temporal/simulator';

export async function order(generations: GenerationClient): Promise<string[]> {
  const handle = await generations.start({ model: 'a/b', input: { prompt: 'x' } }, { key: 'k' });
  const { output } = await handle.result();
  // @ts-expect-error: an output has no such field
  void output.nothing;
  return output.videos;
}
export const parts = [createGenerationClient, isGenerationError, createEncryptionCodec, operator, startSimulator];
`;

/** Where the example finds the shared server, in a namespace of its own; nothing of the tests' own settings. */
async function posterEnvironment(): Promise<NodeJS.ProcessEnv> {
  const address = inject('temporalAddress');
  const namespace = `posters-${randomUUID()}`;
  const connection = await Connection.connect({ address, connectTimeout: hangMs });
  try {
    await registerNamespace(connection, namespace);
  } finally {
    await connection.close();
  }
  const { PATH, HOME } = process.env;
  return { PATH, HOME, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, RUNCOMFY_LOG_LEVEL: 'warn' };
}

/** The command as `npx` runs it. */
const runCommand = (...args: string[]) =>
  run(join(app, 'node_modules', '.bin', 'runcomfy-temporal'), args, { cwd: app });

describe.concurrent('the packed package', () => {
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
    const { stdout } = await run(process.execPath, args, { cwd: app });
    expect(stdout).toBe(names.map(() => 'true').join());
  });

  it('can be required by CommonJS', async () => {
    const names = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json') && name !== './workflows');
    const script = `process.stdout.write(${JSON.stringify(names)}.map((name) => Object.keys(require('runcomfy-temporal' + name.slice(1))).length > 0).join())`;
    const { stdout } = await run(process.execPath, ['--eval', script], { cwd: app });
    expect(stdout).toBe(names.map(() => 'true').join());
  });

  it('says in one sentence what a worker needs beside it', async () => {
    const script = `import { openGenerationWorker } from 'runcomfy-temporal/worker'; await openGenerationWorker({ token: 'sim-x' });`;
    const importing = run(process.execPath, ['--input-type=module', '--eval', script], { cwd: app });
    await expect(importing).rejects.toThrow(
      'runcomfy-temporal/worker needs @temporalio/worker, which is not installed',
    );
    await Promise.all(
      ['worker', 'dev'].map(async (command) => {
        const running = run(join(app, 'node_modules', '.bin', 'runcomfy-temporal'), [command, '--output', 'pretty'], {
          cwd: app,
          env: { PATH: process.env['PATH'], HOME: folder, RUNCOMFY_API_TOKEN: 'sim-x' },
        });
        await expect(running).rejects.toMatchObject({
          code: 78,
          stderr: expect.stringMatching(/`npm install @temporalio\/worker@\d+\.\d+\.\d+` adds it\n$/) as string,
        });
      }),
    );
  });

  it.each([
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ])('compiles against its declarations with TypeScript 5.6, module %s, resolution %s', async (module, resolution) => {
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--target',
      'es2022',
      '--types',
      'node',
      '--pretty',
      'false',
    ];
    const args = [...options, '--module', module, '--moduleResolution', resolution, 'app.ts'];
    const tsc = join(app, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc, ...args], { cwd: app }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  });

  it('runs its command from node_modules/.bin', async () => {
    expect((await runCommand('--help')).stdout).toContain('Usage: runcomfy-temporal');
    const input = JSON.stringify(bundledModels[0].example);
    await runCommand('validate', bundledModels[0].modelId, '--input', input, '--output', 'json');
  });

  it('answers a user of whom the machine knows nothing and who has no home folder', async () => {
    await chmod(folder, 0o755);
    const stranger = process.getuid?.() === 0 ? ['setpriv', '--reuid', '12345', '--clear-groups'] : [];
    const command = [
      process.execPath,
      join(installed, 'bin', 'runcomfy-temporal'),
      'status',
      `nobody's ${randomUUID()}`,
    ];
    const [program = '', ...args] = [...stranger, 'env', '-u', 'HOME', ...command];
    const env = { ...process.env, TEMPORAL_ADDRESS: inject('temporalAddress') };
    const ended = run(program, args, { cwd: folder, env });
    await expect(ended).rejects.toMatchObject({ code: 66, stderr: expect.not.stringMatching(/^\s+at /m) as string });
  });
});

describe('a project of its own', () => {
  it('compiles, and runs our worker beside its own against the simulator', async () => {
    const { stdout } = await run('npm', ['test'], { cwd: posters, env: await posterEnvironment() });
    expect(stdout).toMatch(/^(?:#|ℹ) pass 2$/m);
    expect(stdout).toMatch(/^(?:#|ℹ) fail 0$/m);
  });

  it.concurrent.each(nodeMajors)(
    'runs on Node %i: its tests, a clip by the command line, and unit tests of ours',
    async (major) => {
      const node = await nodeOfMajor(major);
      const env = await posterEnvironment();
      expect((await run(node, ['--version'])).stdout).toMatch(new RegExp(`^v${String(major)}\\.`));
      const built = join(posters, 'build', 'posters.test.js');
      expect((await run(node, ['--test', '--test-reporter=tap', built], { cwd: posters, env })).stdout).toMatch(
        /^(?:#|ℹ) pass 2$/m,
      );
      const command = join(posters, 'node_modules', 'runcomfy-temporal', 'bin', 'runcomfy-temporal');
      const { PATH, HOME } = process.env;
      // Two that found none would each fetch it into the same folder.
      const temporal = await findTemporalBinary({ cliPath: readConfig().temporalCliPath });
      const clip = await run(node, [command, 'dev', '--once', '--output', 'pretty'], {
        cwd: posters,
        env: { PATH, HOME, TEMPORAL_CLI_PATH: temporal.path },
      });
      expect(clip.stdout).toMatch(/^billed +1 job/m);
      const readme = await readFile(join(root, 'README.md'), 'utf8');
      const [, shown = ''] = /^`npm start` prints\n\n```text\n(.*?)^```$/ms.exec(readme) ?? [];
      expect(labelsOf(clip.stdout)).toEqual(labelsOf(shown));
      const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', '--maxWorkers', '1'];
      await run(node, [...vitest, 'test/unit/runcomfy', 'test/unit/client', 'test/unit/config', 'test/unit/codec'], {
        cwd: root,
        env,
      });
    },
  );
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

  it('names the build where that is what is missing', async () => {
    const clone = join(folder, 'production-clone');
    for (const name of ['bin', 'cli', 'package.json'])
      await cp(join(root, name), join(clone, name), { recursive: true });
    await mkdir(join(clone, 'node_modules'));
    await symlink(join(root, 'node_modules', 'commander'), join(clone, 'node_modules', 'commander'));
    await expect(run(join(clone, 'bin/runcomfy-temporal'), ['--help'])).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/^The build is missing, .*`npm ci && npm run build`.*\n$/) as string,
    });
  });

  it('names a package that is missing beside a build', async () => {
    const broken = join(folder, 'half-installed');
    await mkdir(join(broken, 'dist', 'cli'), { recursive: true });
    await cp(join(root, 'bin'), join(broken, 'bin'), { recursive: true });
    await writeFile(join(broken, 'package.json'), '{"type":"module"}');
    await writeFile(join(broken, 'dist', 'cli', 'main.js'), "import 'commander';\n");
    await expect(run(join(broken, 'bin/runcomfy-temporal'), ['--help'])).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringMatching(
        /^The dependencies are not all installed, commander is missing: run `npm ci` .*\n$/,
      ) as string,
    });
  });
});

/** What stands before the values of a report, in order. */
function labelsOf(report: string): string[] {
  return [...report.matchAll(/^(\S.*?) {2,}/gm)].map(([, label = '']) => label);
}

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { withoutComments } from '../../worker/bundle-workflows.ts';
import { mapOf } from '../support/setup/workflow-bundle.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const tsc = path.join(root, 'node_modules/typescript-native/bin/tsc');

/** Code without its source map, some 3 % above what it is. A worker compiles it once, and each cached workflow pays for what it runs of it. */
const sizeBudgetBytes = 1_035_000;
/** Of what a cached generation weighs where each workflow has all modules for itself, and no other workflow is in the bundle. */
const maxHeapRatio = 1.05;
/** Of a worker that ran generations alone: what pipelines need is no part of it. */
const generationBudgetBytes = 825_000;

/** Heap of one cached generation, over 500 in a process of its own: the same to a few bytes from run to run. */
async function bytesPerGeneration(bundle: string): Promise<number> {
  const weigh = path.join(root, 'bench/support/pipeline/weigh-process.ts');
  const { stdout } = await run(process.execPath, ['--expose-gc', '--import', 'tsx', weigh, bundle], { cwd: root });
  return (JSON.parse(stdout) as { bytesPerGeneration: number }).bytesPerGeneration;
}

describe('the workflow bundle', () => {
  let code = '';
  let sources: string[] = [];

  beforeAll(async () => {
    const bundle = inject('workflowBundlePath');
    [code = ''] = (await readFile(bundle, 'utf8')).split('\n//# sourceMappingURL=data:');
    ({ sources } = JSON.parse(await readFile(mapOf(bundle), 'utf8')) as { sources: string[] });
  });

  it('is made of workflows/, domain/ and the Temporal SDK alone', () => {
    const own = sources.filter((source) => /\/(workflows|domain)\/[^/]+\.ts$/.test(source));
    expect(own.map((source) => path.basename(source))).toContain('generation.ts');
    const folders = /(^|\/)(runcomfy|plans|activities|worker|client|config|cli|simulator)\/[^/]+\.ts$/;
    expect(sources.filter((source) => folders.test(source) && !source.includes('node_modules'))).toEqual([]);
  });

  it('has neither zod nor undici inside, nor what plans are parsed and evaluated with', () => {
    expect(sources.length).toBeGreaterThan(50);
    const foreign = /node_modules\/(zod|undici|yaml|@marcbachmann|fastest-levenshtein)\b/;
    expect([...sources, code].filter((text) => foreign.test(text))).toEqual([]);
  });

  it('keeps within its size budget', () => {
    expect(code.length).toBeGreaterThan(10_000);
    expect(Buffer.byteLength(code)).toBeLessThan(sizeBudgetBytes);
  });

  it('keeps within the budget of generations where pipelines are left out, and is no heavier to cache', async () => {
    const file = (name: string) => fileURLToPath(new URL(`../../workflows/${name}.ts`, import.meta.url));
    const bundle = await bundleWorkflowCode({
      workflowsPath: file('generation/generation'),
      payloadConverterPath: file('hooks/payload-converter'),
      workflowInterceptorModules: [file('hooks/interceptors')],
      webpackConfigHook: withoutComments,
      logger: new DefaultLogger('WARN'),
    });
    const [script = ''] = bundle.code.split('\n//# sourceMappingURL=data:');
    expect(Buffer.byteLength(script)).toBeLessThan(generationBudgetBytes);
    const folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-weight-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const alone = path.join(folder, 'bundle.cjs');
    await writeFile(alone, bundle.code);
    const weight = await bytesPerGeneration(inject('workflowBundlePath'));
    expect(weight).toBeLessThan(maxHeapRatio * (await bytesPerGeneration(alone)));
  });
});

describe('the fence around workflows/', () => {
  it('compiles the workflows without Node, and does not compile what a workflow must not use', async () => {
    const copy = await mkdtemp(path.join(tmpdir(), 'runcomfy-fence-'));
    onTestFinished(() => rm(copy, { recursive: true, force: true }));
    for (const part of ['workflows', 'domain', 'tsconfig.json', 'package.json']) {
      await cp(path.join(root, part), path.join(copy, part), { recursive: true });
    }
    await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
    const trespassers = ['process.pid', "Buffer.from('x')", "fetch('http://x')", "import('node:fs')"];
    for (const [index, code] of trespassers.entries()) {
      const file = path.join(copy, 'workflows', `trespasser-${String(index)}.ts`);
      await writeFile(file, `export const trespasser = () => ${code};\n`);
    }
    const args = ['--noEmit', '--pretty', 'false', '-p', path.join(copy, 'workflows')];
    const { stdout } = await run(tsc, args, { cwd: copy }).then(
      () => ({ stdout: '' }),
      (error: unknown) => error as { stdout: string },
    );
    // One line a problem; what belongs to it is indented. None is in the workflows themselves.
    const problems = stdout.split('\n').filter((line) => /^\S/.test(line));
    const files = problems.map((line) => /^workflows\/(trespasser-\d)\.ts\(\d+,\d+\): error /.exec(line)?.[1] ?? line);
    expect([...new Set(files)].sort()).toEqual(trespassers.map((_, index) => `trespasser-${String(index)}`));
  });
});

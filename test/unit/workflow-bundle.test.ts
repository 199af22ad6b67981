import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundleWorkflows } from '../../worker/bundle-workflows.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

/** Code without its source map, some 3 % above what it is. A worker compiles it once, and each cached workflow pays for what it runs of it. */
const sizeBudgetBytes = 1_065_000;
/** Of a worker that ran generations alone: what pipelines need is no part of it. */
const generationBudgetBytes = 735_000;

describe('the workflow bundle', () => {
  let code = '';
  let sources: string[] = [];

  beforeAll(async () => {
    const bundle = await bundleWorkflows();
    const [script = '', map = ''] = bundle.code.split(/\n\/\/# sourceMappingURL=data:application\/json[^,]*,/);
    code = script;
    sources = (JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[] }).sources;
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

  it('keeps within the budget of generations where pipelines are left out', { timeout: 120_000 }, async () => {
    const file = (name: string) => fileURLToPath(new URL(`../../workflows/${name}.ts`, import.meta.url));
    const bundle = await bundleWorkflowCode({
      workflowsPath: file('generation/generation'),
      payloadConverterPath: file('payload-converter'),
      logger: new DefaultLogger('WARN'),
    });
    const [script = ''] = bundle.code.split('\n//# sourceMappingURL=data:');
    expect(Buffer.byteLength(script)).toBeLessThan(generationBudgetBytes);
  });
});

describe('the fence around workflows/', () => {
  it('compiles the workflows without Node', async () => {
    await run(process.execPath, [tsc, '--noEmit', '-p', path.join(root, 'workflows')]);
  });

  it('does not compile what a workflow must not use', async () => {
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
    const { stdout } = await run(process.execPath, [tsc, '--noEmit', '-p', path.join(copy, 'workflows')]).then(
      () => ({ stdout: '' }),
      (error: unknown) => error as { stdout: string },
    );
    const caught = trespassers.map((_, index) => stdout.includes(`trespasser-${String(index)}.ts`));
    expect(caught).toEqual(trespassers.map(() => true));
  });
});

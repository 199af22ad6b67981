import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readPages, root } from '../../support/docs.ts';
import { testHangMs } from '../../support/patience.ts';

/** The native compiler takes a third of the time. */
const compiler = path.join(root, 'node_modules/typescript-native/bin/tsc');
const folder = path.join(root, '.cache', 'test', `docs-${String(process.pid)}`);

describe('the code in the documentation', () => {
  it(
    'type-checks wherever it is marked ts',
    async () => {
      mkdirSync(folder, { recursive: true });
      try {
        const files = readPages().flatMap(({ name, blocks }) =>
          blocks
            .filter(({ language }) => language === 'ts')
            .map(({ code }, index) => {
              const file = path.join(folder, `${name.replaceAll(/\W/g, '-')}-${String(index + 1)}.ts`);
              writeFileSync(file, `${code}\nexport {};\n`);
              return file;
            }),
        );
        expect(files.length).toBeGreaterThan(1);
        expect(await problemsOf(files)).toBe('');
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    testHangMs,
  );

  it('is parsed where it is JSON', () => {
    const blocks = readPages().flatMap((page) => page.blocks.filter(({ language }) => language === 'json'));
    for (const { code } of blocks) expect(() => void JSON.parse(code)).not.toThrow();
    expect(blocks.length).toBeGreaterThan(0);
  });
});

/** Compiles as a project would that has this package installed. */
async function problemsOf(files: string[]): Promise<string> {
  const faces = {
    '': 'client/index.ts',
    '/operator': 'client/operator/index.ts',
    '/workflows': 'workflows/library.ts',
    ...Object.fromEntries(
      ['worker', 'simulator', 'activities', 'codec', 'nexus'].map((face) => [`/${face}`, `${face}/index.ts`]),
    ),
  };
  const paths = Object.entries(faces).map(([face, file]) => [`runcomfy-temporal${face}`, [path.join(root, file)]]);
  const ofRoot = { ms: [path.join(root, 'node_modules/ms/dist/index.d.ts')] };
  const project = path.join(folder, 'tsconfig.json');
  const compilerOptions = { paths: { ...ofRoot, ...Object.fromEntries(paths) } };
  writeFileSync(
    project,
    JSON.stringify({ extends: path.join(root, 'tsconfig.json'), compilerOptions, files, include: [] }),
  );
  const args = [compiler, '--pretty', 'false', '-p', project];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root }).catch((error: unknown) => {
    const { message, stdout: problems } = error as Error & { stdout?: string };
    return { stdout: problems || message };
  });
  return stdout;
}

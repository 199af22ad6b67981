import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { readPages, root } from '../../support/docs.ts';
import { testHangMs } from '../../support/patience.ts';

const folder = path.join(root, '.cache', 'test', `docs-${String(process.pid)}`);

describe('the code in the documentation', () => {
  it(
    'type-checks wherever it is marked ts',
    () => {
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
        expect(problemsOf(files)).toEqual([]);
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
function problemsOf(files: string[]): string[] {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)) as {
    config: { compilerOptions: Record<string, unknown> & { paths: Record<string, string[]> } };
  };
  config.compilerOptions.paths['runcomfy-temporal'] = ['./client/index.ts'];
  for (const face of ['worker', 'simulator', 'activities', 'codec']) {
    config.compilerOptions.paths[`runcomfy-temporal/${face}`] = [`./${face}/index.ts`];
  }
  config.compilerOptions.paths['runcomfy-temporal/workflows'] = ['./workflows/library.ts'];
  config.compilerOptions.paths['runcomfy-temporal/nexus'] = ['./nexus/index.ts'];
  config.compilerOptions.paths['runcomfy-temporal/operator'] = ['./client/operator/index.ts'];
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const program = ts.createProgram(files, options);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    return `${path.basename(file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

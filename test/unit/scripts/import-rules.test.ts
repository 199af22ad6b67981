import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint, Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Violation {
  from: string;
  rule: { name: string };
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const module = 'export const value = 1;\nexport interface Shape { a: number }\n';

/** Each file by the import it has to live with, and the rule that must refuse it; no rule: it is allowed. */
const cases: [from: string, statement: string, rule?: string][] = [
  ['domain/a.ts', "import { value } from '../runcomfy/client.ts'", 'domain-imports'],
  ['domain/b.ts', "import 'zod'", 'domain-never-packages'],
  ['domain/c.ts', "import 'node:fs'", 'domain-never-built-ins'],
  ['abort-signals/a.ts', "import { value } from '../domain/names.ts'", 'abort-signals-imports'],
  ['runcomfy/a.ts', "import { value } from '../config/env.ts'", 'runcomfy-imports'],
  ['runcomfy/b.ts', "import '@temporalio/common'", 'runcomfy-imports'],
  ['runcomfy/c.ts', "import { value } from '../domain/names.ts'; import 'undici'"],
  ['workflows/a.ts', "import type { Shape } from '../activities/index.ts'", 'workflows-imports'],
  ['workflows/b.ts', "import '@temporalio/client'", 'workflows-imports'],
  ['workflows/c.ts', "import 'zod'", 'workflows-never-packages'],
  ['workflows/d.ts', "import { value } from '../domain/names.ts'; import '@temporalio/workflow'"],
  ['activities/a.ts', "import { value } from '../worker/main.ts'", 'activities-imports'],
  ['activities/b.ts', "import { value } from '../runcomfy/client.ts'; import '@temporalio/activity'"],
  ['worker/a.ts', "import { value } from '../cli/main.ts'", 'worker-imports'],
  ['worker/d.ts', "import { value } from '../client/index.ts'; import { value } from '../setup/temporal.ts'"],
  ['worker/b.ts', "import { value } from '../test/rig.ts'", 'nobody-imports-tests-and-scripts'],
  ['worker/c.ts', "import 'fast-check'", 'product-needs-no-dev-dependency'],
  ['client/a.ts', "import { value } from '../runcomfy/client.ts'", 'client-imports'],
  ['client/b.ts', "import { value } from '../workflows/generation/generation.ts'", 'client-values'],
  ['client/c.ts', "import type { Shape } from '../workflows/generation/generation.ts'"],
  ['client/d.ts', "import { value } from '../workflows/generation/messages.ts'"],
  ['client/e.ts', "import { value } from '../config/env.ts'", 'client-imports'],
  ['cli/e.ts', "import { value } from '../client/errors.ts'", 'client-by-its-faces'],
  ['scripts/a.ts', "import { value } from '../client/errors.ts'", 'client-by-its-faces'],
  ['cli/f.ts', "import { value } from '../client/index.ts'"],
  ['cli/g.ts', "import { value } from '../client/operator/index.ts'"],
  ['test/a.ts', "import { value } from '../client/errors.ts'"],
  ['cli/a.ts', "import { value } from '../activities/index.ts'", 'cli-imports'],
  ['cli/b.ts', "import { value } from '../worker/main.ts'", 'cli-worker-by-dynamic-import'],
  ['cli/c.ts', "export const start = () => import('../worker/main.ts')"],
  ['cli/d.ts', "import '@temporalio/worker'", 'cli-imports'],
  ['codec/a.ts', "import { value } from '../client/index.ts'", 'codec-imports'],
  ['codec/c.ts', "import { value } from '../config/env.ts'", 'codec-imports'],
  ['gateway/a.ts', "import { value } from '../runcomfy/client.ts'", 'gateway-imports'],
  ['gateway/b.ts', "import { value } from '../client/index.ts'; import { value } from '../setup/temporal.ts'"],
  ['nexus/a.ts', "import { value } from '../worker/main.ts'", 'nexus-imports'],
  ['nexus/service.ts', "import { value } from '../client/index.ts'", 'nexus/service-imports'],
  ['plans/a.ts', "import { value } from '../workflows/generation/generation.ts'", 'plans-imports'],
  ['plans/b.ts', "import { value } from '../runcomfy/client.ts'", 'plans-imports'],
  ['setup/a.ts', "import { value } from '../client/index.ts'", 'setup-imports'],
  ['setup/b.ts', "import { value } from '../config/env.ts'; import '@temporalio/client'"],
  ['codec/b.ts', "import { value } from '../domain/names.ts'; import '@temporalio/common'"],
  ['config/a.ts', "import { value } from '../runcomfy/client.ts'", 'config-imports'],
  ['simulator/a.ts', "import { value } from '../runcomfy/client.ts'", 'simulator-imports'],
  ['simulator/b.ts', "import '@temporalio/client'", 'simulator-imports'],
  ['domain/circle-a.ts', "import { value } from './circle-b.ts'", 'no-cycles'],
];

const imported = [
  'domain/names.ts',
  'runcomfy/client.ts',
  'config/env.ts',
  'activities/index.ts',
  'worker/main.ts',
  'client/index.ts',
  'client/errors.ts',
  'client/operator/index.ts',
  'setup/temporal.ts',
  'cli/main.ts',
  'workflows/generation/generation.ts',
  'workflows/generation/messages.ts',
  'test/rig.ts',
];

let tree = '';
let violations: Violation[] = [];

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'imports-'));
  for (const name of ['node_modules', 'package.json', 'tsconfig.json'])
    await symlink(join(root, name), join(tree, name));
  const circle = ['domain/circle-b.ts', "import { value } from './circle-a.ts'"] as const;
  const files = [...imported.map((path) => [path, ''] as const), circle, ...cases];
  for (const [path, statement] of files) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    const isRenamed = statement.includes('{ value }') || statement.includes('{ Shape }');
    const renamed = statement
      .replace('{ value }', '{ value as theirs }')
      .replace('{ value }', '{ value as more }')
      .replace('{ Shape }', '{ Shape as Theirs }');
    await writeFile(join(tree, path), `${isRenamed ? renamed : statement};\n${module}`);
  }
  const folders = [...new Set(files.map(([path]) => path.split('/')[0] ?? ''))];
  const args = ['--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json', ...folders];
  const report = await new Promise<string>((resolve) => {
    execFile(join(root, 'node_modules/.bin/depcruise'), args, { cwd: tree, maxBuffer: 2 ** 26 }, (_error, stdout) => {
      resolve(stdout);
    });
  });
  violations = (JSON.parse(report) as { summary: { violations: Violation[] } }).summary.violations;
});

afterAll(() => rm(tree, { recursive: true }));

const rulesBrokenIn = (path: string) => violations.filter(({ from }) => from === path).map(({ rule }) => rule.name);

describe('the import rules', () => {
  it.each(cases.filter(([, , rule]) => rule !== undefined))('refuse in %s: %s (%s)', (path, _statement, rule) => {
    expect(rulesBrokenIn(path)).toContain(rule);
  });

  it.each(cases.filter(([, , rule]) => rule === undefined))('allow in %s: %s', (path) => {
    expect(rulesBrokenIn(path)).toEqual([]);
  });

  it.each(cases.filter(([, , rule]) => rule !== undefined && /-(?:imports|by-its-faces)$/.test(rule)))(
    "are ESLint's too in %s: %s",
    async (path, statement) => {
      expect(await lint(path, statement)).not.toEqual([]);
    },
  );

  it.each(cases.filter(([, , rule]) => rule === undefined))(
    "are ESLint's too, which allows in %s: %s",
    async (path, statement) => {
      expect(await lint(path, statement)).toEqual([]);
    },
  );
});

/** What ESLint's own rule of imports says to a file with this import. */
async function lint(path: string, statement: string): Promise<string[]> {
  const { rules = {} } = (await new ESLint({ cwd: root }).calculateConfigForFile(path)) as {
    rules?: Linter.RulesRecord;
  };
  const rule = '@typescript-eslint/no-restricted-imports';
  const messages = new Linter().verify(
    statement,
    [
      {
        files: ['**/*.ts'],
        plugins: { '@typescript-eslint': tseslint.plugin },
        languageOptions: { parser: tseslint.parser },
        rules: { [rule]: rules[rule] ?? 'off' },
      },
    ],
    path,
  );
  return messages.map(({ message }) => message);
}

import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const temporal = (name) => `@temporalio/${name}`;
const folders = [
  'domain',
  'runcomfy',
  'workflows',
  'activities',
  'worker',
  'client',
  'setup',
  'cli',
  'gateway',
  'codec',
  'config',
  'simulator',
  'test',
  'bench',
  'scripts',
  'examples',
];

/**
 * Which of our folders, and which of Temporal's packages, each folder may import directly. dependency-cruiser rules the
 * same table on resolved paths, files of a folder and cycles included.
 */
const mayImport = {
  domain: { folders: [], temporal: [] },
  runcomfy: { folders: ['domain'], temporal: [] },
  workflows: { folders: ['domain'], temporal: ['workflow'] },
  activities: { folders: ['domain', 'runcomfy'], temporal: ['activity', 'common'] },
  worker: {
    folders: ['activities', 'client', 'runcomfy', 'domain', 'config', 'setup', 'codec'],
    temporal: ['worker', 'client', 'common'],
  },
  client: { folders: ['domain', 'runcomfy', 'workflows'], temporal: ['client', 'common'] },
  setup: { folders: ['config', 'domain', 'runcomfy', 'codec'], temporal: ['client', 'common'] },
  cli: {
    folders: ['client', 'config', 'setup', 'domain', 'simulator', 'runcomfy', 'worker', 'codec'],
    temporal: ['client', 'common', 'testing'],
  },
  codec: { folders: ['domain'], temporal: ['common', 'proto'] },
  gateway: { folders: ['client', 'domain', 'config', 'setup', 'workflows'], temporal: ['client', 'common'] },
  config: { folders: ['domain'], temporal: ['envconfig'] },
  simulator: { folders: ['domain', 'runcomfy'], temporal: [] },
};

const literalImport = (pattern) => ({
  regex: pattern,
  message: 'This folder may not import that: see docs/architecture.md.',
});

/** What callers cannot import, our own code does without. */
const clientPastItsFaces = {
  regex: '^(?:\\.\\./)+client/(?!(?:operator/)?index\\.ts$)',
  message: 'The client is imported by client/index.ts and client/operator/index.ts alone.',
};

function importRules(folder) {
  const allowed = mayImport[folder];
  const foreign = folders.filter((name) => name !== folder && !allowed.folders.includes(name));
  const packages =
    allowed.temporal.length === 0 ? temporal('') : `${temporal('')}(?!(?:${allowed.temporal.join('|')})(?:/|$))`;
  const patterns = [
    literalImport(`^(?:\\.\\./)+(?:${foreign.join('|')})/`),
    literalImport(`^${packages}`),
    clientPastItsFaces,
  ];
  if (folder === 'domain' || folder === 'workflows') {
    const exception = folder === 'workflows' ? '(?!@temporalio/workflow$)' : '';
    patterns.push({
      regex: `^${exception}[^.]`,
      message: `${folder}/ runs in the workflow sandbox: no packages, no Node built-ins.`,
    });
  }
  return [
    'error',
    {
      paths: [{ name: 'node:process', message: 'Only config/ reads the environment; process is a global.' }],
      patterns,
    },
  ];
}

const product = Object.keys(mayImport);
const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Named exports only, so that a thing has one name everywhere.',
};
const classesAreErrors = {
  selector: ':matches(ClassDeclaration, ClassExpression):not([superClass.name=/(Error|Failure)$/])',
  message: 'Functions and plain data; classes are for errors.',
};
const workflowsThrowFailures = {
  selector: 'ThrowStatement > NewExpression[callee.name=/Error$/]',
  message: 'In a workflow only an ApplicationFailure ends the execution; any other error stalls the workflow task.',
};
const noExportAll = { selector: 'ExportAllDeclaration', message: 'Re-export by name.' };

export default defineConfig(
  globalIgnores(['dist/', '.cache/', 'coverage/', 'node_modules/', 'bench/node_modules/', 'bench/peers/']),
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only config/ reads the environment.' },
      ],
      'no-restricted-syntax': ['error', noDefaultExport, classesAreErrors, noExportAll],
      'no-unneeded-ternary': 'error',
      'object-shorthand': 'error',
      'prefer-template': 'error',
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': true, 'ts-ignore': true, 'ts-nocheck': true, 'ts-check': false },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      // Our interfaces are bundles of closures, which may be taken apart; only property style says so to unbound-method.
      '@typescript-eslint/method-signature-style': ['error', 'property'],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  ...product.map((folder) => ({
    files: [`${folder}/**/*.ts`],
    rules: { 'no-restricted-imports': importRules(folder) },
  })),
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', noDefaultExport, classesAreErrors, noExportAll, workflowsThrowFailures],
    },
  },
  { files: ['config/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['scripts/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-properties': 'off' },
  },
  {
    files: ['scripts/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [clientPastItsFaces] }] },
  },
  { files: ['cli/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**/*.ts'],
    // vitest's asymmetric matchers (expect.any) are typed any.
    rules: { 'no-restricted-properties': 'off', '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  {
    // Tools expect their configuration as a default export.
    files: ['*.config.ts', '*.config.js'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}', 'bin/*'],
    extends: [tseslint.configs.recommended],
    languageOptions: {
      globals: {
        ...Object.fromEntries(
          ['console', 'process', 'URL', 'setTimeout', 'clearTimeout'].map((name) => [name, 'readonly']),
        ),
        module: 'writable',
      },
    },
    rules: { eqeqeq: 'error', 'no-undef': 'error', '@typescript-eslint/no-require-imports': 'off' },
  },
);

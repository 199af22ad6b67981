import { defineConfig, globalIgnores } from 'eslint/config';
import importX from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';
import { codeFolders, isPackage, pathPattern, rows, ships } from './scripts/architecture.mjs';

const path = (entry) => (isPackage(entry) ? `${entry}(?:/|$)` : `(?:\\.\\./)+${pathPattern(entry)}`);

/** Folders with faces are imported by these alone. */
const facesOfOthers = (own) =>
  Object.entries(rows)
    .filter(([name, { faces }]) => name !== own && faces !== undefined)
    .map(([name, { faces }]) => ({
      regex: `^(?!${faces.map(path).join('|')})(?:\\.\\./)+${name}/`,
      message: `What callers cannot import, our own code does without: ${faces.join(', ')} alone.`,
    }));

/**
 * What a row of architecture.json lets its folder import directly. dependency-cruiser rules the same rows on resolved
 * paths, files of a folder and cycles included.
 */
function importRules(name, { mayImport, mayImportTypes = [], mayLoad = [], inSandbox = false }) {
  const own = name.split('/')[0];
  const foreign = codeFolders.filter((folder) => folder !== own).join('|');
  const refuse = (entries, rest) => ({
    regex: `^(?!${['$', ...entries.map(path)].join('|')})(?:(?:\\.\\./)+(?:${foreign})/|@temporalio/)`,
    message: 'This folder may not import that: see docs/architecture.md.',
    ...rest,
  });
  const patterns = [...facesOfOthers(name), refuse([...mayImport, ...mayImportTypes, ...mayLoad], {})];
  if (mayImportTypes.length + mayLoad.length > 0) patterns.push(refuse(mayImport, { allowTypeImports: true }));
  if (inSandbox) {
    patterns.push({
      regex: `^(?!${['\\.', ...mayImport.filter(isPackage).map(path)].join('|')})`,
      message: 'This runs in the workflow sandbox: no packages, no Node built-ins.',
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
/** `...(found && { found })`, `...(isThere && { there: what.is })`: no more than a field that may be undefined. */
const optionalField = [
  "SpreadElement[argument.operator='&&'][argument.left.operator!='in']",
  '[argument.right.properties.length=1]',
  '[argument.right.properties.0.value.type=/^(Identifier|MemberExpression)$/]',
].join('');
const noChainsOfSpreads = {
  selector: `${optionalField} ~ ${optionalField} ~ ${optionalField}`,
  message: 'Fields that may be undefined are left out by `...withoutUndefined({ … })`, all of them at once.',
};
const noSpreadLiterals = ['SpreadElement > ObjectExpression.argument', 'SpreadElement > ArrayExpression.argument'].map(
  (selector) => ({ selector, message: 'Write the fields or the items themselves.' }),
);
const noExportAll = { selector: 'ExportAllDeclaration', message: 'Re-export by name.' };
const restrictedSyntax = [noDefaultExport, classesAreErrors, noExportAll, noChainsOfSpreads, ...noSpreadLiterals];

/** One import of a module, `{ value, type Shape }`; packages before our own folders, these before neighbours. */
const importStyle = {
  'import-x/no-duplicates': ['error', { 'prefer-inline': true }],
  'import-x/order': [
    'error',
    {
      groups: ['builtin', 'external', 'parent', 'sibling', 'index'],
      'newlines-between': 'never',
      alphabetize: { order: 'asc', caseInsensitive: true },
    },
  ],
  'sort-imports': ['error', { ignoreDeclarationSort: true, ignoreCase: true }],
};

/** Longer files are read by nobody: split them by theme. */
const maxLines = { max: 300, skipBlankLines: false, skipComments: false };

export default defineConfig(
  globalIgnores([
    'examples/06-your-own-project/',
    'dist/',
    '.cache/',
    'coverage/',
    'node_modules/',
    'bench/node_modules/',
    'bench/peers/',
  ]),
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strict],
    plugins: { 'import-x': importX },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', maxLines],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only config/ reads the environment.' },
        {
          object: 'AbortSignal',
          property: 'any',
          message: 'It forgets its time limits and burdens its signals: abort-signals/join-signals.ts does neither.',
        },
      ],
      'no-restricted-syntax': ['error', ...restrictedSyntax],
      'no-unneeded-ternary': 'error',
      'no-warning-comments': ['error', { terms: ['eslint-disable', 'oxlint-disable'], location: 'anywhere' }],
      'object-shorthand': 'error',
      'prefer-template': 'error',
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': true, 'ts-ignore': true, 'ts-nocheck': true, 'ts-check': false },
      ],
      ...importStyle,
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      // Our interfaces are bundles of closures, which may be taken apart; only property style says so to unbound-method.
      '@typescript-eslint/method-signature-style': ['error', 'property'],
      // .oxlintrc.json has it: where one linter looks up each name, that is a third of what it computes.
      '@typescript-eslint/no-unused-vars': 'off',
    },
  },
  ...Object.entries(rows)
    .filter(([name]) => ships(name))
    .map(([name, row]) => ({
      files: name.includes('/') ? [`${name}.ts`] : [`${name}/**/*.ts`],
      rules: { '@typescript-eslint/no-restricted-imports': importRules(name, row) },
    })),
  {
    files: ['scripts/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: facesOfOthers() }] },
  },
  {
    // What callers import, and the shapes that live in histories: a sentence for each.
    files: ['domain/**/*.ts', 'client/**/*.ts'],
    plugins: { jsdoc },
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          enableFixer: false,
          exemptOverloadedImplementations: true,
          require: { FunctionDeclaration: false },
          contexts: ['Function', 'Class', 'TSInterface', 'TSTypeAlias', 'Variable'].map(
            (kind) => `ExportNamedDeclaration[declaration.type=${kind}Declaration]`,
          ),
        },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...restrictedSyntax, workflowsThrowFailures],
    },
  },
  {
    // A module that is passed on is named once, like one that is imported; a module that is also used is named for both.
    files: ['**/index.ts'],
    ignores: ['activities/**', 'worker/index.ts'],
    rules: { 'no-duplicate-imports': ['error', { includeExports: true }] },
  },
  { files: ['config/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['scripts/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-properties': 'off' },
  },
  { files: ['cli/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    // Tools expect their configuration as a default export.
    files: ['*.config.ts', '*.config.js'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}', 'bin/*'],
    extends: [tseslint.configs.recommended],
    plugins: { 'import-x': importX },
    languageOptions: {
      globals: {
        ...Object.fromEntries(
          ['console', 'process', 'URL', 'setTimeout', 'clearTimeout'].map((name) => [name, 'readonly']),
        ),
        module: 'writable',
      },
    },
    rules: {
      ...importStyle,
      eqeqeq: 'error',
      'max-lines': ['error', maxLines],
      'no-undef': 'error',
      '@typescript-eslint/no-require-imports': 'off',
    },
  },
);

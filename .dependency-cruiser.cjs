/** One rule per row of the import table in docs/architecture.md; everything a row does not allow is forbidden. */

const folders =
  '^(domain|runcomfy|workflows|activities|worker|client|setup|cli|gateway|config|codec|simulator|test|bench|scripts|examples)/';
const temporal = '(^|/)node_modules/@temporalio/|^@temporalio/';

/**
 * A row: `folder` may import `values` (paths below the root, as regular expressions) and `types` for types alone.
 * Temporal's packages count as a folder each: `@client` is `@temporalio/client`.
 */
function row(folder, values, types = []) {
  const isPackage = (name) => name.startsWith('@');
  const pathsOf = (names) => [
    ...names.filter((name) => !isPackage(name)).map((name) => `^${name}(/|$|\\.[a-z]+$)`),
    ...names.filter(isPackage).map((name) => `(^|/)node_modules/@temporalio/${name.slice(1)}/`),
  ];
  const rule = (suffix, allowed, to) => ({
    name: `${folder}-${suffix}`,
    severity: 'error',
    comment: `${folder}/ imports ${allowed.length === 0 ? 'nothing' : allowed.join(', ')} only`,
    from: { path: `^${folder}/` },
    to: { path: [folders, temporal], pathNot: [`^${folder}/`, ...pathsOf(allowed)], ...to },
  });
  return [
    rule('imports', [...values, ...types], {}),
    ...(types.length === 0 ? [] : [rule('values', values, { dependencyTypesNot: ['type-only'] })]),
  ];
}

/** Row "Never" where it names all packages and Node's built-ins: what runs in the workflow sandbox. */
function sandboxed(folder, pathNot = []) {
  const rule = (suffix, to) => ({
    name: `${folder}-never-${suffix}`,
    severity: 'error',
    comment: `${folder}/ runs in the workflow sandbox`,
    from: { path: `^${folder}/` },
    to,
  });
  return [rule('packages', { path: 'node_modules/', pathNot }), rule('built-ins', { dependencyTypes: ['core'] })];
}

module.exports = {
  forbidden: [
    ...row('domain', []),
    ...sandboxed('domain'),
    ...row('runcomfy', ['domain']),
    ...row('workflows', ['domain', '@workflow']),
    ...sandboxed('workflows', ['node_modules/@temporalio/workflow/']),
    ...row('activities', ['domain', 'runcomfy', '@activity', '@common']),
    ...row('worker', [
      'activities',
      'client',
      'runcomfy',
      'domain',
      'config',
      'setup',
      'codec',
      '@worker',
      '@client',
      '@common',
    ]),
    ...row(
      'client',
      ['domain', 'runcomfy/schemas', 'runcomfy/models', 'workflows/[a-z]+/messages', '@client', '@common'],
      ['workflows'],
    ),
    ...row('setup', ['config', 'domain', 'runcomfy', 'codec', '@client', '@common']),
    ...row('cli', [
      'client',
      'config',
      'setup',
      'domain',
      'simulator',
      'runcomfy',
      'worker',
      'codec',
      '@client',
      '@common',
      '@testing',
    ]),
    {
      name: 'cli-worker-by-dynamic-import',
      severity: 'error',
      comment: 'the worker brings a native library of 30 MB: only `runcomfy-temporal worker` loads it',
      from: { path: '^cli/' },
      to: { path: '^worker/', dependencyTypesNot: ['dynamic-import', 'type-only'] },
    },
    ...row('codec', ['domain', '@common', '@proto']),
    ...row('gateway', ['client', 'domain', 'config', 'setup', '@client', '@common'], ['workflows']),
    ...row('config', ['domain', '@envconfig']),
    ...row('simulator', ['domain', 'runcomfy/schemas', 'runcomfy/models']),
    {
      name: 'client-by-its-faces',
      severity: 'error',
      comment: 'what callers cannot import, our own code does without: client/index.ts and client/operator/index.ts',
      from: { pathNot: '^(client|test)/' },
      to: { path: '^client/', pathNot: '^client/(operator/)?index\\.ts$' },
    },
    {
      name: 'nobody-imports-tests-and-scripts',
      severity: 'error',
      from: { pathNot: '^(test|bench|scripts|examples)/' },
      to: { path: '^(test|bench|scripts|examples)/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'a cycle of values, or of types between files, hides who depends on whom',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'product-needs-no-dev-dependency',
      severity: 'error',
      comment:
        'an installed package has no dev dependencies; cli/dev-server/ downloads by @temporalio/testing only in a clone',
      from: {
        path: '^(domain|runcomfy|workflows|activities|worker|client|setup|cli|gateway|config|codec|simulator)/',
        pathNot: '^cli/dev-server/sdk-download\\.mjs$',
      },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.cache|bench/(node_modules|peers))/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};

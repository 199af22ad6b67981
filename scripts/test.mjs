// npm test                      everything that CI runs
// npm run test:fast             types and the tests that need no server
// npm test -- test/unit/x.ts    vitest alone, with these arguments
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { codeFolders, existing } from './architecture.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { compiler, root, runStep, tool } from './run-step.mjs';
import { countTests } from './count-tests.mjs';

const maxTestMs = 40 * 60_000;
const maxChecksAtOnce = 4;

ensureInstalled();
const args = process.argv.slice(2);
const isFast = args[0] === '--fast';
const vitestArgs = isFast ? ['--project', 'unit', '--project', 'replay', ...args.slice(1)] : args;
// Beside the tests, which wait much: at the lowest priority, since some of them hold what happens within a second or two.
const [checks, tests] = await Promise.all([runChecks(checksFor()), runTests(vitestArgs)]);
for (const line of checks.lines) process.stdout.write(line);
const failed = checks.failed + tests.failed;
process.stdout.write(`\n${String(checks.passed + tests.passed)} passed, ${String(failed)} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** The checks of this run, by name, program and arguments. */
function checksFor() {
  const types = [
    ['types', compiler, ['--noEmit', '-p', '.', ...incremental('types')]],
    ['types of the workflow sandbox', compiler, ['--noEmit', '-p', 'workflows', ...incremental('sandbox')]],
  ];
  if (isFast) return types;
  if (args.length > 0) return [];
  return [
    // The longest first: beside it, the others take their turns.
    ['lint', tool('eslint'), ['--max-warnings=0', '.']],
    ...types,
    ['format', tool('prettier'), ['--check', '--log-level=warn', '.']],
    ['compose files', process.execPath, ['scripts/check-compose.mjs']],
    ['import rules', tool('depcruise'), ['--config', '.dependency-cruiser.mjs', ...existing(codeFolders)]],
    ['unused code', tool('knip'), ['--no-progress']],
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
  const lines = [];
  const failures = [];
  for (const [name] of steps) {
    const { code, output, seconds } = ended.get(name);
    lines.push(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name}  ${seconds.toFixed(1)} s\n`);
    if (code === 0) continue;
    failures.push(name);
    lines.push(`${output.trimEnd().replaceAll(/^/gm, '      ')}\n`);
  }
  if (failures.length > 0) lines.push(`failed checks: ${failures.join(', ')}\n`);
  return { passed: steps.length - failures.length, failed: failures.length, lines };
}

async function runTests(vitestArgs) {
  const report = `${root}/.cache/test/report.json`;
  mkdirSync(`${root}/.cache/test`, { recursive: true });
  rmSync(report, { force: true });
  const { code } = await runStep(
    tool('vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...vitestArgs],
    { live: true, timeoutMs: maxTestMs },
  );
  const { passed, failed, problems } = countTests(readReport(report), code, { isWhole: vitestArgs.length === 0 });
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  return { passed, failed };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

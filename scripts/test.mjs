// npm test                      everything that CI runs
// npm test -- test/unit/x.ts    vitest alone, with these arguments
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { codeFolders, existing } from './architecture.mjs';
import { ensureInstalled } from './ensure-installed.mjs';
import { root, runStep, tool } from './run-step.mjs';
import { countTests } from './count-tests.mjs';

const maxTestMs = 16 * 60_000;

ensureInstalled();
const args = process.argv.slice(2);
const checks = args.length > 0 ? { passed: 0, failed: 0 } : await runChecks();
const tests = await runTests(args);
const failed = checks.failed + tests.failed;
process.stdout.write(`\n${String(checks.passed + tests.passed)} passed, ${String(failed)} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** One failure hides no other: each check runs, whatever became of those before it. */
async function runChecks() {
  const steps = [
    ['format', tool('prettier'), ['--check', '--log-level=warn', '.']],
    ['types', tool('tsc'), ['--noEmit', '-p', '.']],
    ['types of the workflow sandbox', tool('tsc'), ['--noEmit', '-p', 'workflows']],
    ['lint', tool('eslint'), ['--max-warnings=0', '.']],
    ['import rules', tool('depcruise'), ['--config', '.dependency-cruiser.mjs', ...existing(codeFolders)]],
    ['unused code', tool('knip'), ['--no-progress']],
    ['compose files', process.execPath, ['scripts/check-compose.mjs']],
  ];
  const failures = [];
  for (const [name, program, stepArgs] of steps) {
    const { code, output, seconds } = await runStep(program, stepArgs);
    process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name}  ${seconds.toFixed(1)} s\n`);
    if (code === 0) continue;
    failures.push(name);
    process.stdout.write(`${output.trimEnd().replaceAll(/^/gm, '      ')}\n`);
  }
  if (failures.length > 0) process.stdout.write(`failed checks: ${failures.join(', ')}\n`);
  return { passed: steps.length - failures.length, failed: failures.length };
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

import { relative } from 'node:path';
import { root } from './run-step.mjs';

/**
 * Counts the tests of vitest's JSON report. Failures that the report does not count are added: a crash, a file that did
 * not load, an error outside any test, a run without tests, and, in a whole run, a skipped test.
 */
export function countTests(report, exitCode, { isWhole }) {
  if (report === undefined) return { passed: 0, failed: 1, problems: ['vitest ended without a report'] };
  const files = report.testResults ?? [];
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failedTests = tests.filter(({ status }) => status === 'failed').length;
  const skipped = tests.length - passed - failedTests;
  const broken = files.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  // Repeated at the end, where people look first in the output of a long run.
  const problems = files.flatMap(failuresOf).map(({ named, reason }) => `FAIL  ${named}: ${reason}`);
  problems.push(...broken.map(({ name, message }) => `could not run ${name}: ${firstLine(message)}`));
  const outside = report.unhandledErrors ?? [];
  problems.push(...outside.map((error) => `outside any test: ${firstLine(error)}`));
  let failed = failedTests + broken.length + outside.length;
  if (isWhole && skipped > 0) {
    failed += skipped;
    problems.push(`${String(skipped)} skipped tests count as failed`);
  }
  if (tests.length === 0 && failed === 0) {
    failed += 1;
    problems.push('no test ran');
  }
  if (exitCode !== 0 && failed === 0) {
    failed += 1;
    problems.push(`vitest ended with code ${String(exitCode)} though no test failed: see the errors above`);
  }
  return { passed, failed, problems };
}

/** The files of vitest's JSON report in which something failed, as paths in the project. */
export function failedFiles(report) {
  return (report?.testResults ?? [])
    .filter(({ status }) => status === 'failed')
    .map(({ name }) => relative(root, name));
}

/**
 * Merges a run with the second run of its failed files. The second result counts, and tests that passed only then are
 * noted. Errors outside any test count from both runs.
 */
export function withSecondRun(first, again) {
  const second = new Map((again.report?.testResults ?? []).map((file) => [file.name, file]));
  const testResults = first.report.testResults.map((file) => {
    const other = second.get(file.name);
    return other !== undefined && other.assertionResults.length >= file.assertionResults.length ? other : file;
  });
  const failsStill = new Set(testResults.flatMap(failuresOf).map(({ named }) => named));
  const notes = first.report.testResults
    .flatMap(failuresOf)
    .filter(({ named }) => !failsStill.has(named))
    .map(({ named, reason }) => `passed only when run again, by itself: ${named}: ${reason}`);
  const unhandledErrors = [first, again].flatMap(({ report }) => report?.unhandledErrors ?? []);
  return { report: { ...first.report, testResults, unhandledErrors }, code: again.code, notes };
}

function failuresOf({ name, assertionResults }) {
  return assertionResults
    .filter(({ status }) => status === 'failed')
    .map((test) => ({
      named: `${relative(root, name)} > ${test.fullName}`,
      reason: firstLine(test.failureMessages?.[0]),
    }));
}

function firstLine(text) {
  return (text ?? '').split('\n')[0];
}

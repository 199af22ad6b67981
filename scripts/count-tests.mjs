import { relative } from 'node:path';
import { root } from './run-step.mjs';

/**
 * Counts vitest's JSON report. What the report does not show is a failure too: a crash, a file that did not load, an
 * error outside any test, a run without a test, and in a whole run a test that was skipped.
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
  // Again at the end, where the output of a long run is read first.
  const problems = files.flatMap((file) =>
    file.assertionResults
      .filter(({ status }) => status === 'failed')
      .map((test) => `FAIL  ${relative(root, file.name)} > ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`),
  );
  problems.push(...broken.map(({ name, message }) => `could not run ${name}: ${firstLine(message)}`));
  let failed = failedTests + broken.length;
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

function firstLine(text) {
  return (text ?? '').split('\n')[0];
}

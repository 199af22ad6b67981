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
  const problems = broken.map(({ name, message }) => `could not run ${name}: ${message.split('\n')[0]}`);
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

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';

const module = new URL('../../../scripts/count-tests.mjs', import.meta.url).href;

interface Count {
  passed: number;
  failed: number;
  problems: string[];
}

/** Plain JavaScript without types: asked in a process of its own, as npm test does. */
async function count(report: unknown, exitCode: number, isWhole = true): Promise<Count> {
  return (await ask('countTests', report, exitCode, { isWhole })) as Count;
}

async function ask(name: string, ...told: unknown[]): Promise<unknown> {
  const script = `import * as counting from ${JSON.stringify(module)};
    const [name, ...told] = JSON.parse(process.argv[1]);
    process.stdout.write(JSON.stringify(counting[name](...told.map((each) => each ?? undefined))));`;
  const args = ['--input-type=module', '--eval', script, JSON.stringify([name, ...told])];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  return JSON.parse(stdout);
}

const file = (status: string, ...tests: string[]) => ({
  name: 'a.test.ts',
  status,
  message: 'SyntaxError: nope\n  at x',
  assertionResults: tests.map((each) => ({ status: each })),
});

describe('counting a test run', () => {
  it('counts tests that passed and failed, and names those that failed with what they said', async () => {
    const failure = { status: 'failed', fullName: 'orders > pays once', failureMessages: ['expected 1\n  at x'] };
    const name = fileURLToPath(new URL('../../../test/unit/a.test.ts', import.meta.url));
    const failing = { ...file('failed', 'passed'), name, assertionResults: [failure, { status: 'passed' }] };
    const report = { testResults: [file('passed', 'passed', 'passed'), failing] };
    expect(await count(report, 1)).toEqual({
      passed: 3,
      failed: 1,
      problems: ['FAIL  test/unit/a.test.ts > orders > pays once: expected 1'],
    });
  });

  it('counts a crash without a report as failed', async () => {
    expect(await count(undefined, 134)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('counts a file that did not load as failed and names it', async () => {
    const { passed, failed, problems } = await count({ testResults: [file('failed'), file('passed', 'passed')] }, 1);
    expect({ passed, failed }).toEqual({ passed: 1, failed: 1 });
    expect(problems).toEqual(['could not run a.test.ts: SyntaxError: nope']);
  });

  it('counts a run without a test as failed', async () => {
    expect(await count({ testResults: [] }, 0)).toMatchObject({ failed: 1, problems: ['no test ran'] });
  });

  it('counts an error outside the tests as failed, and names it', async () => {
    const report = { testResults: [file('passed', 'passed')] };
    expect(await count(report, 1)).toMatchObject({ passed: 1, failed: 1 });
    expect(await count({ ...report, unhandledErrors: ['Error: late\n  at x'] }, 1)).toEqual({
      passed: 1,
      failed: 1,
      problems: ['outside any test: Error: late'],
    });
  });

  it('has the errors outside the tests in the report of a run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runcomfy-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const loose = `import { it } from 'vitest';
      it('passes', async () => {
        void Promise.reject(new Error('nobody listens'));
        await new Promise((done) => setTimeout(done, 50));
      });`;
    await writeFile(join(folder, 'loose.test.mjs'), loose);
    const reporter = fileURLToPath(new URL('../../../scripts/json-reporter.mjs', import.meta.url));
    const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url));
    const args = [vitest, 'run', '--root', folder, `--reporter=${reporter}`, '--outputFile.json=report.json'];
    await expect(promisify(execFile)(process.execPath, args, { cwd: folder })).rejects.toMatchObject({ code: 1 });
    const report: unknown = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    expect(await count(report, 1)).toEqual({
      passed: 1,
      failed: 1,
      problems: ['outside any test: Error: nobody listens'],
    });
  });

  it('counts skipped tests as failed in a whole run alone', async () => {
    const report = { testResults: [file('passed', 'passed', 'skipped')] };
    expect(await count(report, 0)).toMatchObject({ passed: 1, failed: 1 });
    expect(await count(report, 0, false)).toMatchObject({ passed: 1, failed: 0 });
  });
});

describe('a second run of the files that failed', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const ran = (name: string, ...tests: [title: string, status: string, reason?: string][]) => ({
    name: `${root}${name}`,
    status: tests.some(([, status]) => status === 'failed') ? 'failed' : 'passed',
    message: '',
    assertionResults: tests.map(([fullName, status, reason]) => ({
      fullName,
      status,
      failureMessages: reason === undefined ? [] : [reason],
    })),
  });
  const first = {
    testResults: [
      ran('test/e2e/a.test.ts', ['is late', 'failed', 'waited in vain\n  at x'], ['is broken', 'failed', 'expected 1']),
      ran('test/e2e/b.test.ts', ['works', 'passed']),
    ],
  };
  const again = async (report: unknown, code: number) => {
    const second = (await ask('withSecondRun', { report: first }, { report, code })) as {
      report: unknown;
      code: number;
      notes: string[];
    };
    return { notes: second.notes, ...(await count(second.report, second.code)) };
  };

  it('is of those alone', async () => {
    expect(await ask('failedFiles', first)).toEqual(['test/e2e/a.test.ts']);
  });

  it('names what passes only then, and fails what fails again', async () => {
    const report = {
      testResults: [ran('test/e2e/a.test.ts', ['is late', 'passed'], ['is broken', 'failed', 'expected 1'])],
    };
    expect(await again(report, 1)).toEqual({
      passed: 2,
      failed: 1,
      problems: ['FAIL  test/e2e/a.test.ts > is broken: expected 1'],
      notes: ['passed only when run again, by itself: test/e2e/a.test.ts > is late: waited in vain'],
    });
  });

  it('changes nothing where it ended without a report, and counts its own errors', async () => {
    expect(await again(null, 134)).toMatchObject({ passed: 1, failed: 2, notes: [] });
    const report = { testResults: [ran('test/e2e/a.test.ts', ['is late', 'passed'], ['is broken', 'passed'])] };
    expect(await again(report, 1)).toMatchObject({ passed: 3, failed: 1 });
    expect(await again(report, 0)).toMatchObject({ passed: 3, failed: 0 });
    const outside = { ...first, unhandledErrors: ['Error: nobody listens'] };
    const second = (await ask('withSecondRun', { report: outside }, { report, code: 0 })) as { report: unknown };
    expect(await count(second.report, 0)).toMatchObject({ passed: 3, failed: 1 });
  });

  it('fails what it did not run', async () => {
    const report = { testResults: [ran('test/e2e/a.test.ts', ['is late', 'passed'])] };
    expect(await again(report, 0)).toMatchObject({ passed: 1, failed: 2 });
  });
});

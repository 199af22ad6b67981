import { describe, expect, it } from 'vitest';
import { CliError } from '../../../../cli/cli-error.ts';
import { toErrorReport } from '../../../../cli/printing/error-report.ts';
import { parseInput } from '../../../../cli/read-input.ts';
import { submissionUnknown } from '../../../../cli/unknown-submission.ts';
import { GenerationError } from '../../../../client/index.ts';
import { ConfigError } from '../../../../config/config-error.ts';
import { RunComfyError } from '../../../../runcomfy/errors.ts';

const followed = { key: 'order-1', requestId: 'req-1', command: 'runcomfy-temporal result order-1' };

describe('a failure of a command that ordered', () => {
  it.each([
    new CliError('DownloadFailed', 'download of a.mp4 failed: the server fell silent'),
    new GenerationError({ type: 'TemporalUnreachable', message: 'Temporal cannot be reached' }),
    new ConfigError(['something']),
    new Error('a defect'),
    'a word',
  ])('names key, request and the command that goes on: %s', (error) => {
    const report = toErrorReport(error, followed);
    expect(report).toMatchObject({ key: 'order-1', requestId: 'req-1' });
    expect(report.message).toMatch(/order-1.*req-1.*`runcomfy-temporal result order-1` goes on$/);
  });

  it('says nothing twice', () => {
    const message =
      'generation "order-1" (request req-1) goes on: `runcomfy-temporal result order-1` waits for it again';
    const error = new GenerationError({ type: 'StillRunning', message, key: 'order-1' });
    expect(toErrorReport(error, followed).message).toBe(message);
  });
});

it('keeps the name of an error of our own beneath which lies text that is no JSON', () => {
  expect(reportOf(() => parseInput('{', 'job.json'))).toMatchObject({ type: 'InvalidInput' });
  const misshapen = new RunComfyError('ProtocolMismatch', 'no JSON', { cause: new SyntaxError('Unexpected token') });
  expect(toErrorReport(misshapen)).toMatchObject({ type: 'ProtocolMismatch', message: 'no JSON' });
});

it('holds no half of a character, whoever names it', () => {
  const report = reportOf(() => parseInput('{"prompt": 😀}', '--input'));
  expect(report).toMatchObject({ type: 'InvalidInput', issues: [{ path: '$' }] });
  expect(JSON.stringify(report)).not.toContain(String.raw`\ud83d`);
  const path = '$.\ud83d';
  const error = new GenerationError({
    type: 'InvalidInput',
    message: 'no \ud83d',
    key: 'k',
    issues: [{ path, message: '\ud83d' }],
  });
  expect(toErrorReport(error)).toMatchObject({
    message: 'no \ufffd',
    issues: [{ path: '$.\ufffd', message: '\ufffd' }],
  });
});

function reportOf(fail: () => unknown) {
  try {
    return fail();
  } catch (error) {
    return toErrorReport(error);
  }
}

it('names the budget that had nothing left for an order of a pipeline', () => {
  const failure = {
    type: 'BudgetExceeded',
    message: 'above what is left',
    submission: 'not_sent',
    budget: 'team',
  } as const;
  const error = new GenerationError({
    type: 'BudgetExceeded',
    message: 'no',
    key: 'film',
    pipeline: { step: 'clip', failure },
  });
  expect(toErrorReport(error)).toMatchObject({ budget: 'team', step: 'clip' });
});

it('leaves a failure before any order as it is', () => {
  const report = toErrorReport(new CliError('Usage', 'the input is missing'));
  expect(report).toEqual({ type: 'Usage', message: 'the input is missing', issues: undefined });
});

describe('an order of which nobody knows whether RunComfy accepted it', () => {
  const evidence = {
    reason: 'RunComfy answered 200 with error_code 200',
    reply: '{"error_code":200,"request_id":"7f9c-1"}',
    repliedRequestId: '7f9c-1',
    note: 'a hint',
  };
  const held = { phase: 'submission_unknown', model: 'a/b', submission: 'unknown', reads: 0, deadlineAt: '' } as const;

  it('is told with the reason and all that came back, and how to go on with the id that came back', () => {
    const report = toErrorReport(submissionUnknown('order 1', { ...held, evidence }), followed);
    expect(report).toMatchObject({ type: 'SubmitOutcomeUnknown', evidence });
    expect(report.message).toContain(evidence.reason);
    expect(report.message).toContain(`\`runcomfy-temporal resolve 'order 1' --adopt 7f9c-1\` goes on with it`);
  });

  it('asks for a look at the dashboard where no id came back', () => {
    const { message } = submissionUnknown('k', { ...held, evidence: { note: 'a hint' } });
    expect(message).toContain("Look at RunComfy's dashboard, then `runcomfy-temporal resolve k --adopt REQUEST_ID`");
  });

  it('is told as well once it has ended, when only a take-over is left', () => {
    const details = { model: 'a/b', key: 'k', evidence };
    const error = new GenerationError({ type: 'SubmitOutcomeUnknown', message: 'it is unknown', key: 'k', details });
    const report = toErrorReport(error);
    expect(report.evidence).toEqual(evidence);
    expect(report.message).toContain('`runcomfy-temporal generate a/b --request-id 7f9c-1` takes it over');
  });
});

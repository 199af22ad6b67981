import { describe, expect, it } from 'vitest';
import { CliError } from '../../../cli/cli-error.ts';
import { describeError } from '../../../cli/describe-error.ts';
import { GenerationError } from '../../../client/index.ts';
import { ConfigError } from '../../../config/config-error.ts';

const followed = { key: 'order-1', requestId: 'req-1', command: 'runcomfy-temporal result order-1' };

describe('a failure of a command that ordered', () => {
  it.each([
    new CliError('DownloadFailed', 'download of a.mp4 failed: the server fell silent'),
    new GenerationError({ type: 'TemporalUnreachable', message: 'Temporal cannot be reached' }),
    new ConfigError(['something']),
    new Error('a defect'),
    'a word',
  ])('names key, request and the command that goes on: %s', (error) => {
    const report = describeError(error, followed);
    expect(report).toMatchObject({ key: 'order-1', requestId: 'req-1' });
    expect(report.message).toMatch(/order-1.*req-1.*`runcomfy-temporal result order-1` goes on$/);
  });

  it('says nothing twice', () => {
    const message =
      'generation "order-1" (request req-1) goes on: `runcomfy-temporal result order-1` waits for it again';
    const error = new GenerationError({ type: 'StillRunning', message, key: 'order-1' });
    expect(describeError(error, followed).message).toBe(message);
  });
});

it('leaves a failure before any order as it is', () => {
  const report = describeError(new CliError('Usage', 'the input is missing'));
  expect(report).toEqual({ type: 'Usage', message: 'the input is missing', issues: undefined });
});

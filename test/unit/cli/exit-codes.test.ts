import { describe, expect, it } from 'vitest';
import { cliErrorTypes } from '../../../cli/cli-error.ts';
import { exitCodeOf, exitCodes } from '../../../cli/exit-codes.ts';
import { clientErrorTypes } from '../../../client/index.ts';
import { failureTypes } from '../../../domain/failure-type.ts';

describe('exit codes', () => {
  it.each([
    ['GenerationFailed', 1],
    ['GenerationCancelled', 1],
    ['PipelineFailed', 1],
    ['PipelineCancelled', 1],
    ['Usage', 64],
    ['InvalidInput', 65],
    ['PriceUnknown', 65],
    ['ProtocolMismatch', 65],
    ['RequestNotFound', 65],
    ['KeyInUse', 65],
    ['MissingFile', 66],
    ['KeyNotFound', 66],
    ['StepNotFound', 66],
    ['ServiceUnavailable', 69],
    ['InsufficientBalance', 69],
    ['BudgetExceeded', 69],
    ['TemporalUnreachable', 69],
    ['NoWorker', 69],
    ['WorkerFailing', 69],
    ['FileNotWritten', 74],
    ['GenerationTimedOut', 75],
    ['PipelineTimedOut', 75],
    ['RateLimited', 75],
    ['SubmitOutcomeUnknown', 75],
    ['StillRunning', 75],
    ['TemporalBusy', 75],
    ['Unauthenticated', 77],
    ['Configuration', 78],
    ['Undecodable', 78],
  ] as const)('%s exits with %d', (type, code) => {
    expect(exitCodeOf(type)).toBe(code);
  });

  it('gives every way to fail a code of its own table, none of them success', () => {
    const codes = [...failureTypes, ...clientErrorTypes, ...cliErrorTypes].map(exitCodeOf);
    expect(codes.every((code) => Object.values(exitCodes).includes(code) && code !== exitCodes.done)).toBe(true);
  });
});

import { type GenerationErrorType, isGenerationError } from '../client/index.ts';
import { configurationExitCode } from '../config/config-error.ts';
import { isFailureType } from '../domain/failure-type.ts';
import type { CliErrorType } from './cli-error.ts';

/** The exit codes of the command line, named after sysexits. */
export const exitCodes = {
  done: 0,
  generationFailed: 1,
  partial: 2,
  usage: 64,
  badInput: 65,
  notFound: 66,
  unavailable: 69,
  internal: 70,
  outputLost: 74,
  tryLater: 75,
  notAuthorised: 77,
  configuration: configurationExitCode,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code for each type of failure. */
export function exitCodeOf(type: GenerationErrorType | CliErrorType): ExitCode {
  switch (type) {
    case 'GenerationFailed':
    case 'GenerationCancelled':
    case 'PipelineFailed':
    case 'PipelineCancelled':
      return exitCodes.generationFailed;
    case 'Usage':
      return exitCodes.usage;
    case 'InvalidInput':
    case 'PriceUnknown':
    case 'ProtocolMismatch':
    case 'RequestNotFound':
    case 'KeyInUse':
    case 'ResolutionRefused':
      return exitCodes.badInput;
    case 'MissingFile':
    case 'KeyNotFound':
    case 'StepNotFound':
    case 'NoLateResult':
      return exitCodes.notFound;
    case 'ServiceUnavailable':
    case 'InsufficientBalance':
    case 'BudgetExceeded':
    case 'TemporalUnreachable':
    case 'NoWorker':
    case 'WorkerFailing':
    case 'DownloadFailed':
      return exitCodes.unavailable;
    case 'FileNotWritten':
      return exitCodes.outputLost;
    case 'GenerationTimedOut':
    case 'PipelineTimedOut':
    case 'RateLimited':
    case 'SubmitOutcomeUnknown':
    case 'StillRunning':
    case 'TemporalBusy':
      return exitCodes.tryLater;
    case 'Unauthenticated':
      return exitCodes.notAuthorised;
    case 'Configuration':
    case 'Undecodable':
      return exitCodes.configuration;
  }
}

/**
 * The exit code for an error after the last state was shown. If that was the end, it already explained the failure, and
 * only the exit code is left. An error that merely kept the end from being shown or read is rethrown, to be reported.
 */
export function exitCodeAfter(error: unknown, isEndShown: boolean): ExitCode {
  if (isEndShown && isGenerationError(error) && isFailureType(error.type)) return exitCodeOf(error.type);
  throw error;
}

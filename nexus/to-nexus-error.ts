import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { HandlerError, OperationError } from 'nexus-rpc';
import { type GenerationError, isGenerationError } from '../client/index.ts';
import { isFailureType } from '../domain/failure-type.ts';
import { withoutUndefined } from '../domain/json.ts';

/**
 * Converts an error of our client to what a handler throws. A final failure ends the operation, with our type and
 * details; an error between the handler and Temporal is retried by the server; anything else is a bug and is thrown
 * unchanged.
 */
export function toNexusError(error: unknown): unknown {
  if (!isGenerationError(error)) return error;
  const { type, message } = error;
  if (type === 'KeyNotFound') return new HandlerError('NOT_FOUND', message, { cause: toFailure(error) });
  if (type === 'KeyInUse') return new HandlerError('BAD_REQUEST', message, { cause: toFailure(error) });
  if (!isFailureType(type)) return new HandlerError('UNAVAILABLE', message);
  const ending = error.cause instanceof Error ? error.cause.cause : undefined;
  if (ending instanceof CancelledFailure) return new OperationError('canceled', message, { cause: toFailure(error) });
  const cause = ending instanceof ApplicationFailure ? ending : toFailure(error);
  return new OperationError('failed', message, { cause });
}

function toFailure(error: GenerationError): ApplicationFailure {
  const { type, message, key, model, requestId, phase, submission, issues, details } = error;
  const known = withoutUndefined({ ...details, key, model, requestId, phase, submission, issues });
  return ApplicationFailure.create({ type, message, nonRetryable: true, details: [known] });
}

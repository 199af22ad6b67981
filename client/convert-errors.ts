import {
  NamespaceNotFoundError,
  ScheduleNotFoundError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { PayloadConverterError, ValueError } from '@temporalio/common';
import { grpcReasonOf } from '../domain/grpc-reason.ts';
import { GenerationError, type GenerationErrorType, isGenerationError, keyNotFound } from './errors.ts';
import { grpcCode, grpcCodeOf, isBusy, isConnectionClosed } from './grpc.ts';

/**
 * Runs a call to Temporal and converts connection and server errors into a `GenerationError`. `noun` says what the key
 * names.
 */
export async function withClientErrors<T>(key: string, call: () => Promise<T>, noun?: string): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toClientError(error, key, noun);
  }
}

/** As `withClientErrors`, for an async iterator. */
export async function* eachWithClientErrors<T>(
  key: string,
  items: () => AsyncIterable<T>,
  noun?: string,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* items();
  } catch (error) {
    throw toClientError(error, key, noun);
  }
}

/**
 * Converts an error of Temporal, of its connection or of a codec into a `GenerationError`; returns any other error (a
 * defect, an abort reason) as it is.
 */
export function toClientError(error: unknown, key: string, noun?: string): unknown {
  if (isGenerationError(error)) return error;
  if (error instanceof NamespaceNotFoundError) {
    const message = `Temporal has no namespace "${error.namespace}": create it, or set TEMPORAL_NAMESPACE`;
    return new GenerationError({ type: 'TemporalUnreachable', message, key, cause: error });
  }
  const code = codeOf(error);
  if (code === undefined && isUnreadable(error)) {
    const message = `what Temporal keeps of this cannot be read here (${grpcReasonOf(error)}): use the codec and the keys of the workers`;
    return new GenerationError({ type: 'Undecodable', message, key, cause: error });
  }
  if (code === undefined && !(error instanceof ServiceError) && !isConnectionClosed(error)) return error;
  const { type, message } = describeCode(code, error, { key, noun });
  return new GenerationError({ type, message, key, cause: error });
}

function describeCode(
  code: number | undefined,
  error: unknown,
  { key, noun }: { key: string; noun: string | undefined },
): { type: GenerationErrorType; message: string } {
  const reason = grpcReasonOf(error);
  if (code === grpcCode.invalidArgument)
    return { type: 'InvalidInput', message: `Temporal refuses the call: ${reason}` };
  if (code === grpcCode.notFound && /^namespace\b/i.test(reason)) {
    return {
      type: 'TemporalUnreachable',
      message: `Temporal knows no such namespace (${reason}): create it, or set TEMPORAL_NAMESPACE`,
    };
  }
  if (code === grpcCode.notFound && key !== '') return keyNotFound(key, noun === undefined ? {} : { noun });
  if (isBusy(error)) {
    return { type: 'TemporalBusy', message: `Temporal cannot do that now (${reason}): try again in a moment` };
  }
  // PostgreSQL and MySQL store names of at most 255 characters, and the server reports a longer one as if it were
  // unavailable.
  if (/\b(?:value|data) too long\b/i.test(reason)) {
    return {
      type: 'InvalidInput',
      message: `Temporal's database keeps no name of that length (${reason}): take a shorter key`,
    };
  }
  if (code !== undefined && answered.includes(code)) {
    const message = `Temporal failed to answer (gRPC code ${String(code)}: ${reason}): look at the server's log, or try again`;
    return { type: 'TemporalUnreachable', message };
  }
  const message = `Temporal cannot be reached (${reason}): check that the server is up and that TEMPORAL_ADDRESS is right`;
  return { type: 'TemporalUnreachable', message };
}

/** The gRPC code of an error; some errors of the SDK carry none, so theirs is derived from their class. */
function codeOf(error: unknown): number | undefined {
  if (error instanceof WorkflowNotFoundError || error instanceof ScheduleNotFoundError) return grpcCode.notFound;
  return error instanceof WorkflowExecutionAlreadyStartedError ? grpcCode.alreadyExists : grpcCodeOf(error);
}

/** Codes that show that the server, or a proxy in front of it, is up but failed. */
const answered: readonly number[] = [
  grpcCode.unknown,
  grpcCode.notFound,
  grpcCode.alreadyExists,
  grpcCode.outOfRange,
  grpcCode.unimplemented,
  grpcCode.internal,
  grpcCode.dataLoss,
];

/**
 * Whether a payload could not be decoded. Codecs and converters belong to the caller; our own codec throws an error
 * named `EncryptionError`, whose class the client does not import.
 */
function isUnreadable(error: unknown): boolean {
  if (error instanceof ValueError || error instanceof PayloadConverterError) return true;
  // Payloads are the only JSON parsed here, and the SDK's converter lets the error of JSON.parse through.
  if (error instanceof SyntaxError) return true;
  return error instanceof Error && (error.name === 'EncryptionError' || isUnreadable(error.cause));
}

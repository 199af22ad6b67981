import type { FastifyError, FastifySchemaValidationError } from 'fastify';
import { type GenerationError, type GenerationErrorType, isGenerationError } from '../../client/index.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { boundIssues, issuesSentence } from '../../domain/issues.ts';
import { RefusalError, type RefusalName } from './refusal-error.ts';

/** Refusals for error codes of the framework. */
const ofFramework: Record<string, [name: RefusalName, sentence: string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UnsupportedMediaType', "send JSON: -H 'content-type: application/json'"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['MalformedRequest', 'the body is not as long as its content-length says'],
  FST_ERR_BAD_URL: ['MalformedRequest', 'the path is not well percent-encoded'],
};

/** Failures that may be gone at a later call. */
const passing: readonly GenerationErrorType[] = ['TemporalUnreachable', 'NoWorker', 'WorkerFailing'];

/** Converts an error to a refusal. An unexpected error is a defect, and its message goes to the log only. */
export function toRefusal(error: unknown): RefusalError {
  if (error instanceof RefusalError) return error;
  if (isGenerationError(error)) return ofGeneration(error);
  const { code, statusCode, validation, validationContext } = error as Partial<FastifyError>;
  if (validation) return ofSchema(validation, validationContext ?? 'body', error);
  const known = typeof code === 'string' ? ofFramework[code] : undefined;
  if (known) return new RefusalError(...known, { cause: error });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new RefusalError('MalformedRequest', 'the request is not well formed HTTP', { cause: error });
  }
  return new RefusalError('Internal', 'the gateway failed: X-Request-Id finds the line of its log', { cause: error });
}

/** Lists all problems of parameters and bodies that do not match the schema of their route. */
function ofSchema(validation: FastifySchemaValidationError[], where: string, cause: unknown): RefusalError {
  const root = where === 'querystring' ? 'query' : where;
  const issues = boundIssues(validation.flatMap((one) => issuesOf(root, one)));
  return new RefusalError('InvalidInput', `the request is not valid: ${issuesSentence(issues)}`, { issues, cause });
}

/** The validator reports unknown fields at their parent; here each gets its own path. */
function issuesOf(
  root: string,
  { keyword, instancePath, message = 'not valid', params }: FastifySchemaValidationError,
): InputIssue[] {
  const path = `${root}${instancePath.replace(/\/$/, '').replaceAll('/', '.')}`;
  if (keyword !== 'unrecognized_keys') return [{ path, message }];
  const { keys } = params['issue'] as { keys: string[] };
  return keys.map((key) => ({ path: `${path}.${key}`, message: 'unknown field' }));
}

function ofGeneration(error: GenerationError): RefusalError {
  const { type, issues, message } = error;
  if (type === 'InvalidInput' || type === 'KeyInUse') return new RefusalError(type, message, { issues, cause: error });
  if (type === 'KeyNotFound') return unknownRequest(error);
  if (passing.includes(type)) return temporalAway(error);
  if (type === 'TemporalBusy') {
    const headers = { 'retry-after': '2' };
    return new RefusalError('Overloaded', 'Temporal is busy: repeat this call in a moment', { headers, cause: error });
  }
  return new RefusalError('Internal', 'what Temporal keeps of this cannot be told: the log says why', { cause: error });
}

/** One message for a request that never existed, is not kept any more, or belongs to another caller. */
export function unknownRequest(cause?: unknown): RefusalError {
  return new RefusalError('KeyNotFound', 'there is no such request here', { cause });
}

/** The refusal if Temporal does not answer and no cached state can be used instead. */
export function temporalAway(cause?: unknown): RefusalError {
  return new RefusalError('TemporalUnreachable', 'Temporal does not answer now: repeat this call', {
    headers: { 'retry-after': '2' },
    cause,
  });
}

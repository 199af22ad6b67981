import { defaultDeadlineMs, type GenerationRequest, requestFields } from '../../../domain/generation.ts';
import { isSameJson } from '../../../domain/json.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { parseGenerationRequest } from '../../../domain/request.ts';
import { unsaidUnknownPolicy } from '../../../domain/unknown-submission.ts';
import { GenerationError } from '../../errors.ts';
import type { OriginalRequest } from '../original-request.ts';

const optionNames = requestFields.filter((name) => name !== 'model' && name !== 'input');

/** Defaults of options: a request that leaves one out equals one that has the default. */
const unsaid: Partial<GenerationRequest> = {
  onUnknownSubmission: unsaidUnknownPolicy,
  deadlineMs: defaultDeadlineMs,
  onWall: 'fail',
};

/**
 * Refuses a key that belongs to another order: another workflow type, model or input. Other options attach; the notices
 * name those that differ.
 */
export function compareRequests(
  key: string,
  existing: OriginalRequest | undefined,
  wanted: GenerationRequest,
): string[] {
  if (existing === undefined) {
    return [
      `the first run of "${key}" is kept no longer: whether its model and input are the same could not be checked`,
    ];
  }
  refuseOtherType(key, existing.workflowType);
  // The workflow may have been started by any client, with null for missing fields.
  const parsed = parseGenerationRequest(existing.request);
  const request: Partial<GenerationRequest> = parsed.ok ? parsed.request : existing.request;
  if (request.model !== wanted.model) {
    const model = JSON.stringify(request.model ?? null);
    throw keyInUse(
      key,
      wanted.model,
      `by a generation of another model, ${model}: choose another key for ${wanted.model}`,
    );
  }
  if (!isSameJson(request.input ?? {}, wanted.input)) {
    throw keyInUse(
      key,
      wanted.model,
      `by a generation of ${wanted.model} with another input: choose another key, or send the same input to attach`,
    );
  }
  const isSame = (name: keyof GenerationRequest) =>
    isSameJson(request[name] ?? unsaid[name], wanted[name] ?? unsaid[name]);
  const different = optionNames.filter((name) => !isSame(name));
  if (different.length === 0) return [];
  return [
    `attached to generation "${key}" as it was started first: ${different.join(', ')} of this call had no effect`,
  ];
}

/** Refuses a key that belongs to a workflow other than a generation. */
export function refuseOtherType(key: string, workflowType: string): void {
  if (workflowType === generationWorkflowType) return;
  throw keyInUse(key, undefined, `by a workflow of type "${workflowType}", which is no generation: choose another key`);
}

function keyInUse(key: string, model: string | undefined, by: string): GenerationError {
  return new GenerationError({
    type: 'KeyInUse',
    message: `key "${key}" is in use ${by}`,
    key,
    model,
  });
}

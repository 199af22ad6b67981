import type { GenerationRequest, InputIssue } from '../../../domain/generation.ts';
import { issuesSentence } from '../../../domain/issues.ts';
import { findUnsendable, parseGenerationRequest } from '../../../domain/request.ts';
import { validateBundled } from '../../../runcomfy/models/index.ts';

import { GenerationError } from '../../errors.ts';

/** Temporal refuses larger payloads; media goes by URL. */
const maxOrderBytes = 2 * 1024 * 1024;

/** An order before anything of it was checked. */
export type RequestDraft = Omit<GenerationRequest, 'input'> & { input?: object };

export interface CheckedRequest {
  order: GenerationRequest;
  /** Hints about the input that stop nothing. */
  warnings: string[];
}

/**
 * The order as it will travel: JSON and nothing else. Throws `InvalidInput` with every problem that can be seen without
 * asking anybody: the request's own shape, and the input of a bundled model.
 */
export function checkRequest(request: RequestDraft, key: string): CheckedRequest {
  const parsed = parseGenerationRequest(toJson(request, key));
  if (!parsed.ok) throw invalid(key, parsed.model, parsed.issues);
  const { request: order } = parsed;
  // The input of a request that is taken over was RunComfy's to judge, and may be left out.
  const { issues, warnings } =
    order.requestId === undefined ? validateBundled(order.model, order.input) : { issues: [], warnings: [] };
  if (issues.length > 0) throw invalid(key, order.model, issues);
  return { order, warnings };
}

function toJson(request: RequestDraft, key: string): unknown {
  const issues = findUnsendable(request.input);
  if (issues.length > 0) throw invalid(key, request.model, issues);
  const text = JSON.stringify(request);
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxOrderBytes) return JSON.parse(text);
  const message = `the request has ${String(bytes)} bytes and Temporal takes ${String(maxOrderBytes)}: pass media by URL`;
  throw invalid(key, request.model, [{ path: '$', message }]);
}

function invalid(key: string, model: string, issues: InputIssue[]): GenerationError {
  return new GenerationError({
    type: 'InvalidInput',
    message: `nothing was sent, the input is not valid (model ${model === '' ? 'missing' : model}, key ${key}): ${issuesSentence(issues)}`,
    key,
    model,
    submission: 'not_sent',
    issues,
  });
}

import type { GenerationRequest } from '../domain/generation.ts';
import { parseGenerationRequest } from '../domain/request.ts';

import { GenerationError } from './errors.ts';

/** Temporal refuses larger payloads; media goes by URL. */
const maxOrderBytes = 2 * 1024 * 1024;

/**
 * The order as it will travel: JSON and nothing else. Throws `InvalidInput` with every problem that can be seen without
 * asking anybody.
 */
export function checkOrder(request: GenerationRequest<object>, key: string): GenerationRequest {
  const { order, bytes } = toJson(request, key);
  const parsed = parseGenerationRequest(order);
  if (!parsed.ok) {
    const list = parsed.issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new GenerationError({
      type: 'InvalidInput',
      message: `nothing was sent, the request is not valid (model ${parsed.model || 'missing'}, key ${key}): ${list}`,
      key,
      model: parsed.model,
      submission: 'not_sent',
      issues: parsed.issues,
    });
  }
  if (bytes > maxOrderBytes) {
    throw invalid(
      key,
      `the request has ${String(bytes)} bytes and Temporal takes ${String(maxOrderBytes)}: pass media by URL`,
    );
  }
  return parsed.request;
}

function toJson(request: object, key: string): { order: unknown; bytes: number } {
  try {
    const text = JSON.stringify(request);
    return { order: JSON.parse(text), bytes: Buffer.byteLength(text) };
  } catch (error) {
    throw invalid(
      key,
      `the request cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function invalid(key: string, message: string): GenerationError {
  const issues = [{ path: 'request', message }];
  return new GenerationError({
    type: 'InvalidInput',
    message: `nothing was sent: ${message} (key ${key})`,
    key,
    submission: 'not_sent',
    issues,
  });
}

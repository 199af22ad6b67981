import { isGenerationError } from '../client/index.ts';
import type { Principal } from './access/principal.ts';
import { inCallersWords } from './api/own-words.ts';
import { RefusalError } from './http/refusal-error.ts';
import { toRefusal } from './http/to-refusal.ts';

/** Converts an error to a refusal, with keys and budgets named as the caller knows them. */
export function toCallersRefusal(error: unknown, principal: Principal | undefined): RefusalError {
  const refusal = toRefusal(error);
  if (!isGenerationError(error)) return refusal;
  const { message, issues, key } = inCallersWords(
    principal,
    { message: refusal.message, issues: refusal.issues, key: error.key },
    error.key,
  );
  return new RefusalError(refusal.refusal, message, { issues, headers: refusal.headers, key, cause: refusal.cause });
}

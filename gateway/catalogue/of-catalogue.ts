import { RefusalError, type RefusalName } from '../http/refusal-error.ts';

/** How long an answer of RunComfy's catalogue may be kept. */
export const catalogueCaching = 'private, max-age=30';

/** What RunComfy finds wrong with a question, by the status of its answer. */
const refused: Record<number, RefusalName> = { 400: 'MalformedRequest', 404: 'RouteNotFound', 422: 'InvalidInput' };

/** Asks RunComfy's catalogue or wallet: what it refuses is told in its words, all else is that it cannot be asked now. */
export async function ofCatalogue<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw refusalOf(cause) ?? catalogueAway(cause);
  }
}

/** Says that RunComfy gives no answer now. */
export function catalogueAway(cause?: unknown): RefusalError {
  return new RefusalError('CatalogueUnavailable', "RunComfy's catalogue and wallet cannot be asked now", {
    headers: { 'retry-after': '5' },
    cause,
  });
}

function refusalOf(cause: unknown): RefusalError | undefined {
  const { httpStatus, vendorMessage } = cause as { httpStatus?: unknown; vendorMessage?: unknown };
  const refusal = typeof httpStatus === 'number' ? refused[httpStatus] : undefined;
  if (refusal === undefined) return undefined;
  const words = typeof vendorMessage === 'string' ? vendorMessage : 'no reason is given';
  return new RefusalError(refusal, `RunComfy refuses this: ${words}`, { cause });
}

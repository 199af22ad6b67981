import { RefusalError, type RefusalName } from '../http/refusal-error.ts';

/** How long clients may cache an answer of RunComfy's catalogue. */
export const catalogueCaching = 'private, max-age=30';

/** Refusals for the statuses by which RunComfy rejects a question. */
const refused: Record<number, RefusalName> = { 400: 'MalformedRequest', 404: 'RouteNotFound', 422: 'InvalidInput' };

/**
 * Asks RunComfy's catalogue or wallet. A rejection is passed on in RunComfy's words; any other failure means that it
 * cannot be asked now.
 */
export async function ofCatalogue<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw refusalOf(cause) ?? catalogueAway(cause);
  }
}

/** The refusal for a catalogue that cannot be asked now. */
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

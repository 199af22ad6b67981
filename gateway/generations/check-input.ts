import { hintsClause } from '../../domain/issues.ts';
import type { Catalogue } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';

/** Refuses an input that is known to be invalid without submitting it; returns hints. */
export async function checkInput(
  catalogue: Catalogue,
  model: string,
  input: Record<string, unknown>,
): Promise<string[]> {
  const report = await catalogue.check(model, input);
  if (report === 'unknown model') {
    throw new RefusalError('ModelUnknown', `RunComfy has no model ${model}: see the list of models`);
  }
  const { issues, warnings } = report;
  if (issues.length === 0) return warnings;
  const hints = hintsClause(warnings);
  throw new RefusalError('InvalidInput', 'the input does not fit the model: nothing was sent', { issues, hints });
}

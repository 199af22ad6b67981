import { GenerationError } from '../../../client/index.ts';
import type { GenerationRequest, InputIssue } from '../../../domain/generation.ts';
import { issuesSentence } from '../../../domain/issues.ts';
import { estimateModel } from '../../../plans/estimate.ts';
import { createModelLookup, withMemory } from '../../../plans/model-facts.ts';
import { loopbackHostOf, validateInput } from '../../../runcomfy/models/index.ts';
import { catalogueOf } from '../../catalogue.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';

/**
 * Refuses an order that would fail, unpaid, at every firing: an invalid input, or a price that is unknown or above the
 * limits.
 */
export async function checkByCatalogue({ config }: CommandContext, request: GenerationRequest): Promise<void> {
  const { model, input, maxPriceUsd, maxCostUsd } = request;
  const { facts, line } = await catalogueOf(config, async ({ lookup }) => {
    const once = withMemory(lookup);
    return { facts: await createModelLookup(once).facts(model), line: await estimateModel(model, input, once) };
  });
  if ('failure' in facts && facts.isUnknown)
    throw refused([{ path: 'request.model', message: `RunComfy has no model ${model}` }]);
  const issues =
    'entry' in facts ? [...validateInput(model, input, facts.entry, loopbackHostOf(config().modelApiBase)).issues] : [];
  const price = line.priceUsd ?? maxPriceUsd;
  for (const [name, limit] of Object.entries({ maxPriceUsd, maxCostUsd })) {
    if (price === undefined || limit === undefined || price <= limit) continue;
    issues.push({
      path: `request.${name}`,
      message: `the order costs ${String(price)} USD, and ${name} is ${String(limit)}`,
    });
  }
  if (issues.length > 0) throw refused(issues);
  if (price !== undefined) return;
  const message = `the schedule was not made: the price of ${model} is not known (${line.why ?? ''}): give --max-price USD`;
  throw new GenerationError({ type: 'PriceUnknown', message, key: '', model, submission: 'not_sent' });
}

/** The error for a schedule that was not created because of problems with its order. */
export function refused(issues: InputIssue[]): CliError {
  return new CliError('InvalidInput', `the schedule was not made: ${issuesSentence(issues)}`, { issues });
}

import { type Command, Option } from 'commander';
import type { BatchItem, BatchItemDefaults } from '../../../client/index.ts';
import { parseBatchRequest } from '../../../domain/batch/batch-request.ts';
import { type Estimate, sumUp } from '../../../domain/estimate.ts';
import { issuesSentence } from '../../../domain/issues.ts';
import { checkItemFile, type ItemFile, itemsOfFile } from '../../../plans/batch/check-item-file.ts';
import { type ItemFormat, itemFormats } from '../../../plans/batch/item-file.ts';
import { withMemory } from '../../../plans/model-facts.ts';
import { catalogueOf } from '../../catalogue.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { readPlan } from '../../read-plan.ts';
import { standardInputOf } from '../../read-text.ts';
import { type FileIdentity, withItemSource } from './item-source.ts';

/** The options that describe a file of items. */
export interface ItemFlags {
  model?: string;
  defaults?: string;
  format?: ItemFormat;
  plan?: string;
}

/** What the items of a batch are built with, and the limit of their cost. */
export interface ItemSetting {
  format?: ItemFormat | undefined;
  defaults?: BatchItemDefaults | undefined;
  plan?: object | undefined;
  maxCost?: number | undefined;
  /** Refuse items of unknown price, even without `maxCost`. */
  needsPrices?: boolean | undefined;
  /** Read cells as text if RunComfy's catalogue does not answer; only for items that are not sent. */
  mayReadAsText?: boolean | undefined;
}

/** A file that was checked completely. */
export interface CheckedItems {
  count: number;
  defaults: BatchItemDefaults | undefined;
  plan: object | undefined;
  warnings: string[];
  estimate: Estimate;
  /** The items, read from the file anew each time; throws if it has changed since. */
  items: AsyncIterable<BatchItem>;
  /** The file itself, unless the items came from a stream. */
  identity: FileIdentity | undefined;
}

/** Adds the options for reading items. */
export function addItemOptions(command: Command): void {
  command
    .option('--model <id>', 'the model of every item that names none')
    .option('--defaults <json>', 'what holds for every item that does not say otherwise, as a JSON object')
    .option('--plan <file>', 'every item is a pipeline of this plan, and carries its params');
  addFormatOption(command);
}

/** Adds the option for the format of a file. */
export function addFormatOption(command: Command): void {
  command.addOption(
    new Option('--format <format>', 'how the file is written; default: by its first letter').choices(itemFormats),
  );
}

/** Reads the plan and the defaults of a batch from the command line. */
export async function readSetting(
  context: CommandContext,
  file: string,
  { format, model, defaults, plan, maxCost }: ItemFlags & { maxCost?: number },
): Promise<ItemSetting> {
  if (plan === '-' && file === '-')
    throw new CliError('Usage', 'standard input can be the plan or the items, not both');
  const read = plan === undefined ? undefined : await readPlan(plan, standardInputOf(context));
  return { format, maxCost, plan: read, defaults: readDefaults({ model, defaults }, read) };
}

function readDefaults(
  { model, defaults }: { model: string | undefined; defaults: string | undefined },
  plan: object | undefined,
): BatchItemDefaults | undefined {
  if (defaults === undefined && model === undefined) return undefined;
  let given: unknown;
  try {
    given = JSON.parse(defaults ?? '{}');
  } catch {
    throw new CliError('Usage', '--defaults is no JSON: expected an object such as {"input":{"duration":5}}');
  }
  const whole = { ...(given as BatchItemDefaults), ...(model !== undefined && { model }) };
  const parsed = parseBatchRequest({
    defaults: typeof given === 'object' && given !== null ? whole : given,
    ...(plan && { plan }),
  });
  if (parsed.ok) return parsed.request.defaults;
  const { issues } = parsed;
  throw new CliError('InvalidInput', `the defaults are not valid: ${issuesSentence(issues)}`, { issues });
}

/**
 * Checks a file of items completely and passes it to `use`. A stream that can be read only once is kept in a temporary
 * file until then.
 */
export async function withItems<T>(
  { config, ...context }: CommandContext,
  file: string,
  { format, defaults, plan, maxCost, needsPrices, mayReadAsText }: ItemSetting,
  use: (checked: CheckedItems) => Promise<T>,
): Promise<T> {
  return await withItemSource(file, standardInputOf(context), async ({ open, identity }) => {
    const items: ItemFile = { open, format, defaults, plan };
    return await catalogueOf(config, async ({ lookup, balanceUsd }) => {
      // Cached, so that checks, prices and orders are based on the same answers.
      const reading = { ...withMemory(lookup), mayReadAsText };
      const { issues, isUnpriced, warnings, count, lines } = await checkItemFile(items, {
        ...reading,
        maxCostUsd: maxCost,
        needsPrices,
      }).catch((error: unknown) => {
        if (!(error instanceof TypeError)) throw error;
        throw new CliError('InvalidInput', `the items ${file} are not UTF-8: save them as UTF-8`, { cause: error });
      });
      if (issues.length > 0) {
        const [type, what] = isUnpriced
          ? (['PriceUnknown', 'items have no price that is known'] as const)
          : (['InvalidInput', 'the items are not valid'] as const);
        throw new CliError(type, `nothing was sent, ${what}: ${issuesSentence(issues)}`, { issues });
      }
      const estimate = sumUp(lines, await balanceUsd());
      return await use({ count, defaults, plan, warnings, estimate, items: itemsOfFile(items, reading), identity });
    });
  });
}

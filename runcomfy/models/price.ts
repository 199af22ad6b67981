import { toMicro, toUsd } from '../../domain/budget/money.ts';
import { isJsonObject } from '../../domain/json.ts';
import { numberIn } from '../../domain/text.ts';
import { mayReadLater } from '../errors.ts';
import type { CatalogueModel } from '../schemas/catalogue.ts';
import type { InputReader } from './bundled-model.ts';
import { findBundledModel, findPublishedPrices } from './bundled.ts';

/** What a price is calculated from: a catalogue entry or a bundled model. */
export interface PricedModel {
  modelId: string;
  basePriceUsd?: number;
  priceUnit?: string;
  inputSchema?: Readonly<Record<string, unknown>>;
}

const lengthField = 'duration';
const countFields = ['num_images', 'num_outputs', 'max_images'];

/**
 * Price of an input in USD by the published figures; undefined if they give none. It is an estimate: resolution and
 * reference media can change the real price.
 */
export function priceOf(model: PricedModel, input: Readonly<Record<string, unknown>>): number | undefined {
  const reader = readerOf(model, input);
  const published = findPublishedPrices(model.modelId);
  if (published) return toWholeMicrodollars(published.priceUsd(model.modelId, reader));
  const units = unitsOf(model, reader);
  return units === undefined ? undefined : toWholeMicrodollars(model.basePriceUsd, units);
}

/**
 * Whether a model's published figures give a price once the input is known: there are figures, in a unit that is
 * understood.
 */
export function isPricedByInput({ modelId, basePriceUsd, priceUnit = '' }: PricedModel): boolean {
  return (
    findPublishedPrices(modelId) !== undefined ||
    (basePriceUsd !== undefined && basePriceUsd > 0 && ['second', 'output', 'image'].includes(priceUnit))
  );
}

/** Input fields that the price depends on. */
export function pricedFieldsOf({ modelId, priceUnit }: PricedModel): readonly string[] {
  return findPublishedPrices(modelId)?.fields ?? (priceUnit === 'second' ? [lengthField] : countFields);
}

/** How many outputs an input asks for. */
export function outputCountOf(model: PricedModel, input: Readonly<Record<string, unknown>>): number {
  return countIn(readerOf(model, input));
}

/**
 * Price of an input in USD by the bundled figures, else by the catalogue's; undefined if neither has one. Rejects if
 * the catalogue could not be read but may be later, since it may have a price then.
 */
export async function expectedPriceUsd(
  model: string,
  input: Readonly<Record<string, unknown>>,
  catalogue: { getModel?: (model: string) => Promise<CatalogueModel> } = {},
): Promise<number | undefined> {
  const entry = findBundledModel(model) ?? (await catalogue.getModel?.(model).catch(nothingForGood));
  return entry && priceOf(entry, input);
}

function nothingForGood(error: unknown): undefined {
  if (mayReadLater(error)) throw error;
}

function unitsOf({ priceUnit }: PricedModel, input: InputReader): number | undefined {
  switch (priceUnit) {
    case 'second':
      return input.number(lengthField);
    case 'output':
    case 'image':
      return countIn(input);
    case undefined:
    default:
      return undefined;
  }
}

function countIn({ number }: InputReader): number {
  return countFields.map(number).find((count) => count !== undefined) ?? 1;
}

function readerOf({ inputSchema }: PricedModel, input: Readonly<Record<string, unknown>>): InputReader {
  const properties = inputSchema?.['properties'];
  const value = (field: string): unknown => {
    if (input[field] !== undefined) return input[field];
    const property = isJsonObject(properties) ? properties[field] : undefined;
    return isJsonObject(property) ? property['default'] : undefined;
  };
  return {
    value,
    number: (field) => {
      const found = value(field);
      const number = typeof found === 'string' ? numberIn(found) : found;
      return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
    },
  };
}

/** Rounds to whole microdollars, at least 1. 0 or less counts as unknown: no order is free, and none earns money. */
function toWholeMicrodollars(usd: number | undefined, units = 1): number | undefined {
  if (usd === undefined || !(usd * units > 0)) return undefined;
  return toUsd(Math.max(1, toMicro(usd * units)));
}

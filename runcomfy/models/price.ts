import { isJsonObject } from '../../domain/json.ts';
import type { CatalogueModel } from '../schemas/catalogue.ts';
import { findBundledModel } from './bundled.ts';

/** What a price is reckoned from: a catalogue entry or a bundled model. */
export interface PricedModel {
  modelId: string;
  basePriceUsd?: number;
  priceUnit?: string;
  inputSchema?: Readonly<Record<string, unknown>>;
}

const microdollarsPerUsd = 1_000_000;
const countFields = ['num_images', 'num_outputs', 'max_images'];
const soundFields = ['generate_audio', 'sound'];

/**
 * Micro-dollars per second of Kling 3.0, by tier. Source: RunComfy's model page, September 2026. Prices drift: these are
 * for display, evidence and the simulator, never for a decision.
 */
export const klingPrices: Readonly<Record<string, { silent: number; withAudio: number }>> = {
  standard: { silent: 84_000, withAudio: 126_000 },
  pro: { silent: 112_000, withAudio: 168_000 },
  '4k': { silent: 420_000, withAudio: 420_000 },
};

/**
 * The price in USD that the published figures give for an input, where they give one. Resolution and reference media can
 * change the real one: an estimate for people.
 */
export function priceOf(model: PricedModel, input: Readonly<Record<string, unknown>>): number | undefined {
  const kling = klingPrices[/^kling\/kling-3\.0\/([^/]+)\//.exec(model.modelId)?.[1] ?? ''];
  if (kling) {
    const seconds = numberOf(model, input, 'duration');
    const hasSound =
      soundFields.map((field) => valueOf(model, input, field)).find((value) => value !== undefined) ?? true;
    return seconds === undefined ? undefined : toUsd((hasSound === true ? kling.withAudio : kling.silent) * seconds);
  }
  if (model.basePriceUsd === undefined) return undefined;
  const units = unitsOf(model, input);
  return units === undefined ? undefined : toUsd(model.basePriceUsd * microdollarsPerUsd * units);
}

/** The price of an input by the bundled figures, else by the catalogue's; undefined where neither can be had. */
export async function expectedPriceUsd(
  model: string,
  input: Readonly<Record<string, unknown>>,
  catalogue: { getModel?: (model: string) => Promise<CatalogueModel> } = {},
): Promise<number | undefined> {
  const entry = findBundledModel(model) ?? (await catalogue.getModel?.(model).catch(() => undefined));
  return entry && priceOf(entry, input);
}

function unitsOf(model: PricedModel, input: Readonly<Record<string, unknown>>): number | undefined {
  switch (model.priceUnit) {
    case 'second':
      return numberOf(model, input, 'duration');
    case 'output':
    case 'image': {
      const counts = countFields.map((field) => numberOf(model, input, field));
      return counts.find((count) => count !== undefined) ?? 1;
    }
    case undefined:
    default:
      return undefined;
  }
}

function numberOf(model: PricedModel, input: Readonly<Record<string, unknown>>, field: string): number | undefined {
  const value = valueOf(model, input, field);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** The input's own value, else the one that RunComfy takes when the field is left out. */
function valueOf(model: PricedModel, input: Readonly<Record<string, unknown>>, field: string): unknown {
  if (input[field] !== undefined) return input[field];
  const properties = model.inputSchema?.['properties'];
  const property = isJsonObject(properties) ? properties[field] : undefined;
  return isJsonObject(property) ? property['default'] : undefined;
}

function toUsd(microdollars: number): number {
  return Math.round(microdollars) / microdollarsPerUsd;
}

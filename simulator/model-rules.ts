import type { InputIssue } from '../domain/generation.ts';
import { isJsonObject, walkJson } from '../domain/json.ts';
import type { CatalogueEntry } from './catalogue/entry.ts';
import type { MediaKind } from './job.ts';
import type { Switches } from './switches.ts';

/** SEAM: replaced by runcomfy/models. */
export const seedInputSchema: Record<string, unknown> = {
  type: 'object',
  required: ['prompt', 'start_image_url'],
  properties: {
    prompt: { type: 'string' },
    start_image_url: { type: 'string' },
    duration: { type: 'integer', minimum: 3, maximum: 15, default: 10 },
    generate_audio: { type: 'boolean', default: true },
  },
};

export function checkInput(
  entry: CatalogueEntry,
  input: Record<string, unknown>,
): { issues: InputIssue[]; unknownKeys: string[] } {
  const { required, properties } = entry.input_schema as {
    required: string[];
    properties: Record<string, { type?: string; minimum?: number; maximum?: number }>;
  };
  const issues: InputIssue[] = [];
  for (const name of required) {
    if (input[name] === undefined && properties[name] !== undefined)
      issues.push({ path: `$.${name}`, message: 'Field required' });
  }
  for (const [name, property] of Object.entries(properties)) {
    const value = input[name];
    if (
      typeof value === 'number' &&
      (value < (property.minimum ?? -Infinity) || value > (property.maximum ?? Infinity))
    ) {
      issues.push({ path: `$.${name}`, message: 'out of range' });
    }
  }
  return { issues, unknownKeys: Object.keys(input).filter((name) => properties[name] === undefined) };
}

export function kindOf(entry: CatalogueEntry): MediaKind {
  const category = entry.categories[0] ?? '';
  return category.endsWith('image') ? 'image' : category.endsWith('audio') ? 'audio' : 'video';
}

export function priceUsdOf(entry: CatalogueEntry, input: Record<string, unknown>): number {
  const seconds = typeof input['duration'] === 'number' ? input['duration'] : 10;
  if (entry.price_unit !== 'second') return entry.base_price_usd;
  return seconds * (input['generate_audio'] === false ? 0.084 : entry.base_price_usd);
}

export function outputCountOf(input: Record<string, unknown>): number {
  const wanted = input['num_images'] ?? input['max_images'];
  return typeof wanted === 'number' && Number.isInteger(wanted) && wanted >= 1 ? Math.min(wanted, 10) : 1;
}

/** What would keep the service from getting at the input's media; hosts under `.invalid` stand for unreachable ones. */
export function findMediaProblem(
  entry: CatalogueEntry,
  input: Record<string, unknown>,
  switches: Switches,
): string | undefined {
  if (switches.media_rules === 'ignore') return undefined;
  for (const { path, value } of walkJson(input)) {
    if (typeof value !== 'string') continue;
    if (switches.data_uri === 'reject' && value.startsWith('data:')) return `Media at ${path} is a data URI.`;
    if (/^https?:\/\/[^/]*\.invalid(\/|$)/.test(value)) return `Media at ${path} could not be fetched.`;
  }
  return isJsonObject(entry) ? undefined : undefined;
}

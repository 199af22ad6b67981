import type { InputIssue } from '../../domain/generation.ts';
import { isJsonObject, walkJson } from '../../domain/json.ts';
import type { MediaKind } from '../../domain/media.ts';
import { findUnsendable } from '../../domain/request.ts';
import {
  compileInputSchema,
  outputCountOf as countOf,
  modelKind,
  priceOf,
  validateInput,
} from '../../runcomfy/models/index.ts';
import type { CatalogueModel } from '../../runcomfy/schemas/catalogue.ts';
import type { Switches } from '../settings/switches.ts';
import type { CatalogueEntry } from './entry.ts';

/** What the service finds wrong with an input, either at once by the schema or only after the work has begun. */
export interface InputFindings {
  /** The submit is refused for these. */
  issues: InputIssue[];
  /** The job is accepted and then fails for this reason. */
  failure?: string;
}

const usualSeconds = 5;
const maxOutputs = 10;
const loopback = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\//;
/** Names under `.invalid` never resolve. */
const unreachable = /^https?:\/\/([^/]+\.)?invalid(:\d+)?(\/|$)/;

/** Checks an input with the same validator that the product uses before it sends anything. */
export function checkInput(entry: CatalogueEntry, input: Record<string, unknown>, switches: Switches): InputFindings {
  // Too large an input would overflow the validator.
  const [excess] = findUnsendable(input).filter(({ path }) => path === '$');
  if (excess) return { issues: [excess] };
  const schema = compileInputSchema(entry.input_schema);
  const { issues } = schema.check(input);
  if (switches.extra_keys === 'reject') issues.push(...extraKeys(input, schema.node.properties));
  if (issues.length > 0 && switches.validate === 'strict') return { issues };
  const problem = issues[0] ?? (switches.media_rules === 'fail' ? findProblem(entry, input, switches) : undefined);
  return problem === undefined
    ? { issues: [] }
    : { issues: [], failure: `Invalid input at ${problem.path}: ${problem.message}` };
}

export function kindOf(entry: CatalogueEntry): MediaKind {
  return modelKind(entry.model_id, entry.categories) ?? 'video';
}

/** The price by the product's own figures. A clip of unknown length counts as 5 seconds. */
export function priceUsdOf(entry: CatalogueEntry, input: Record<string, unknown>): number {
  return priceOf(toCatalogueModel(entry), input) ?? entry.base_price_usd * usualSeconds;
}

export function outputCountOf(entry: CatalogueEntry, input: Record<string, unknown>): number {
  const wanted = countOf(toCatalogueModel(entry), input);
  return Number.isInteger(wanted) && wanted >= 1 ? Math.min(wanted, maxOutputs) : 1;
}

/**
 * Checks rules that exist only in prose, and media that cannot be fetched. Files of this machine can be fetched, and so
 * can data URIs if the switch allows them.
 */
function findProblem(
  entry: CatalogueEntry,
  input: Record<string, unknown>,
  switches: Switches,
): InputIssue | undefined {
  const values = new Map(Array.from(walkJson(input), ({ path, value }) => [path, value]));
  const problem = validateInput(entry.model_id, input, toCatalogueModel(entry)).issues.find(({ path }) => {
    const value = values.get(path);
    if (typeof value !== 'string') return true;
    return !loopback.test(value) && !(value.startsWith('data:') && switches.data_uri === 'allow');
  });
  if (problem !== undefined) return problem;
  for (const [path, value] of values) {
    if (typeof value === 'string' && unreachable.test(value))
      return { path, message: 'the media could not be fetched' };
  }
  return undefined;
}

function extraKeys(input: Record<string, unknown>, properties: unknown): InputIssue[] {
  if (!isJsonObject(properties)) return [];
  return Object.keys(input)
    .filter((key) => !Object.hasOwn(properties, key))
    .map((key) => ({ path: `$.${key}`, message: 'extra inputs are not permitted' }));
}

function toCatalogueModel(entry: CatalogueEntry): CatalogueModel {
  return {
    modelId: entry.model_id,
    categories: [...entry.categories],
    basePriceUsd: entry.base_price_usd,
    priceUnit: entry.price_unit,
    inputSchema: entry.input_schema,
  };
}

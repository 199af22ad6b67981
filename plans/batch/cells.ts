import type { BatchItem } from '../../domain/batch/batch.ts';
import { isJsonObject, isSameJson } from '../../domain/json.ts';
import { messageOf, numberIn } from '../../domain/text.ts';
import type { SchemaNode } from '../../runcomfy/models/normalize-schema.ts';

/** The value of a JSON text, or why it is not JSON. */
export function parseJson(text: string): { item: unknown } | { problem: string } {
  try {
    return { item: JSON.parse(text) as unknown };
  } catch (error) {
    return { problem: `is no JSON: ${messageOf(error)}` };
  }
}

/**
 * The value of a CSV cell, by the type of its field in the model's schema. Text if the schema has no such field or the
 * cell does not fit it; undefined for a blank cell of a field that is not text.
 */
export function valueOf(cell: string, node: SchemaNode | undefined): unknown {
  const types = [node?.type ?? [], ...(node?.anyOf ?? []).map(({ type }) => type ?? [])].flat();
  if (types.length === 0 || types.includes('string')) return cell;
  const word = cell.trim();
  if (word === '') return undefined;
  if (types.includes('boolean') && /^(true|false)$/i.test(word)) return word.toLowerCase() === 'true';
  const number = types.includes('integer') || types.includes('number') ? numberIn(word) : undefined;
  if (number !== undefined) return number;
  if (!types.includes('array') && !types.includes('object')) return cell;
  const parsed = parseJson(cell);
  return 'item' in parsed ? parsed.item : cell;
}

/**
 * Advice for a batch item that differs from the local one only by how its CSV cells were read, once with RunComfy's
 * catalogue and once without it; undefined if it differs otherwise.
 */
export function adviseReading(there: BatchItem, here: BatchItem): string | undefined {
  const how = (values: string) =>
    `its values are ${values}, as a CSV is read where RunComfy's catalogue is not at hand`;
  if (isAsText(here, there)) return `${how('typed there and text here')}: send the same file with a token of RunComfy`;
  if (isAsText(there, here))
    return `${how('text there and typed here')}: send the same file without a token of RunComfy`;
  return undefined;
}

/** Whether `text` is how `typed` would be read without a schema. */
function isAsText(text: unknown, typed: unknown): boolean {
  if (isSameJson(text, typed)) return true;
  if (typeof text === 'string') {
    return isSameJson(valueOf(text, { type: typed === undefined ? 'number' : typeof typed }), typed);
  }
  if (!isJsonObject(text) || !(typed === undefined || isJsonObject(typed))) return false;
  const fields = new Map(Object.entries(typed ?? {}));
  const cells = new Map(Object.entries(text));
  return [...fields.keys(), ...cells.keys()].every((name) => isAsText(cells.get(name), fields.get(name)));
}

import { withoutUndefined } from '../../domain/json.ts';
import { type BundledModel, compileInputSchema, findPublishedPrices } from '../../runcomfy/models/index.ts';

/** A property of an input schema, in RunComfy's dialect. */
export type SchemaProperty = Readonly<Record<string, unknown>>;

/** A model as the catalogue lists it. */
export interface CatalogueEntry {
  readonly model_id: string;
  readonly display_name: string;
  readonly description: string;
  readonly categories: readonly string[];
  readonly kind: 'model';
  readonly base_price_usd: number;
  readonly price_unit: 'second' | 'output';
  readonly pricing_note: string;
  readonly inputs: readonly string[];
  readonly required_inputs: readonly string[];
  readonly model_url: string;
  readonly input_schema: Readonly<Record<string, unknown>>;
}

/** The input of `entry`; `required` is a list of names separated by spaces. */
export interface EntryFacts {
  readonly category: string;
  /** USD per second for a video, per output for anything else. */
  readonly price: number;
  readonly note?: string;
  readonly required: string;
  readonly properties: Readonly<Record<string, SchemaProperty>>;
}

/** Builds a catalogue entry. */
export function entry(id: string, facts: EntryFacts, inputSchema?: Readonly<Record<string, unknown>>): CatalogueEntry {
  const required = facts.required.split(' ').filter((name) => name !== '');
  const unit = facts.category.endsWith('video') ? 'second' : 'output';
  return {
    model_id: id,
    display_name: id.split('/').slice(1).join(' '),
    description: `${facts.category} with ${id}`,
    categories: [facts.category],
    kind: 'model',
    base_price_usd: facts.price,
    price_unit: unit,
    pricing_note: facts.note ?? `$${String(facts.price)} per ${unit}, made up by the simulator`,
    inputs: Object.keys(facts.properties),
    required_inputs: required,
    model_url: `https://www.runcomfy.com/models/${id}`,
    input_schema: inputSchema ?? { type: 'object', title: 'Input schema', required, properties: facts.properties },
  };
}

/** Builds the entry of a model whose price is published. */
export function publiclyPriced(
  id: string,
  facts: Omit<EntryFacts, 'price' | 'note'>,
  inputSchema?: Readonly<Record<string, unknown>>,
): CatalogueEntry {
  const listed = findPublishedPrices(id)?.list(id);
  if (!listed) throw new Error(`no price is published for ${id}: give one in the simulator's catalogue`);
  return entry(id, { ...facts, price: listed.basePriceUsd, note: listed.pricingNote }, inputSchema);
}

/** Builds the entry of a model that is bundled with the product. */
export function bundledEntry({ modelId, categories: [category = ''], inputSchema }: BundledModel): CatalogueEntry {
  const { node } = compileInputSchema(inputSchema);
  const facts = { category, required: (node.required ?? []).join(' '), properties: node.properties ?? {} };
  return publiclyPriced(modelId, facts, inputSchema);
}

export function text(extra: SchemaProperty = {}): SchemaProperty {
  return { type: 'string', ...extra };
}

/** An integer in a range. */
export function int(minimum?: number, maximum?: number, value?: number | null): SchemaProperty {
  return ranged('integer', minimum, maximum, value);
}

/** A number of type `float`, RunComfy's own name for it. */
export function float(minimum: number, maximum: number, value?: number): SchemaProperty {
  return ranged('float', minimum, maximum, value);
}

/** A number of type `number`, as in JSON Schema. */
export function number(minimum: number, maximum: number, value?: number): SchemaProperty {
  return ranged('number', minimum, maximum, value);
}

export function bool(value?: boolean): SchemaProperty {
  return { type: 'boolean', ...withoutUndefined({ default: value }) };
}

/** One of these words, separated by spaces. Numbers are listed as strings. */
export function word(words: string, value?: string): SchemaProperty {
  return { type: 'string', enum: words.split(' '), ...withoutUndefined({ default: value }) };
}

/** An integer from `first` to `last`, with every value listed. */
export function listedInt(first: number, last: number, value?: number): SchemaProperty {
  const values = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return { type: 'integer', enum: values, ...withoutUndefined({ default: value }) };
}

/** A URL of a media file. */
export function media(kind: 'image' | 'video' | 'audio'): SchemaProperty {
  return { type: 'string', format: `${kind}_uri` };
}

/** URLs of media files. */
export function mediaList(kind: 'image' | 'video' | 'audio', minItems?: number, maxItems?: number): SchemaProperty {
  return {
    type: 'array',
    format: `${kind}_uris`,
    items: media(kind),
    ...withoutUndefined({ minItems, maxItems }),
  };
}

function ranged(type: string, minimum?: number, maximum?: number, value?: number | null): SchemaProperty {
  return {
    type,
    ...withoutUndefined({ minimum, maximum, default: value }),
  };
}

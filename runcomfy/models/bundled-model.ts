import type { InputIssue } from '../../domain/generation.ts';
import type { MediaField } from './media-rules.ts';
import type { SchemaNode } from './normalize-schema.ts';

/** A model whose input schema comes with this package: it is checked without a token and without the catalogue. */
export interface BundledModel<Id extends string = string, Input extends object = object> {
  modelId: Id;
  categories: readonly string[];
  /** As RunComfy publishes it, its own dialect included. */
  inputSchema: Readonly<Record<string, unknown>>;
  /** An input that RunComfy publishes. */
  example: Input;
  /** Input fields that determine how much work an order is; default: the usual ones of most models. */
  sizingFields?: readonly string[];
  rules?: ProseRules;
  prices?: PublishedPrices;
}

/** Rules for an input that are published only in the prose of a model's page. */
export interface ProseRules {
  /** Whether the rules apply to a model: other models of the same maker may follow them too. */
  holdFor: (modelId: string) => boolean;
  check: (input: Record<string, unknown>, node: SchemaNode, media: readonly MediaField[]) => InputIssue[];
}

/** Prices that are published only in the prose of a model's page. They may be out of date. */
export interface PublishedPrices {
  /** Whether the prices apply to a model: the page may list those of other models too. */
  holdFor: (modelId: string) => boolean;
  /** The model's price in the form of a catalogue entry. */
  list: (modelId: string) => ListedPrice;
  /** Fields of an input that the price depends on. */
  fields: readonly string[];
  /** Price in USD of one output; undefined if the input does not determine it. */
  priceUsd: (modelId: string, input: InputReader) => number | undefined;
}

/** A model's price as the catalogue words it. */
export interface ListedPrice {
  basePriceUsd: number;
  priceUnit: 'second' | 'output';
  pricingNote: string;
}

/** Reads the fields of an input. A field that is left out has the default that RunComfy uses. */
export interface InputReader {
  value: (field: string) => unknown;
  /** The field as a number, which may be written as a string. */
  number: (field: string) => number | undefined;
}

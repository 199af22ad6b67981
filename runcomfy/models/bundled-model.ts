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
  /** Fields of an input that size the work; default: those that do so for most models. */
  sizingFields?: readonly string[];
  rules?: ProseRules;
  prices?: PublishedPrices;
}

/** Rules for an input that stand only in the prose of a model's page. */
export interface ProseRules {
  /** Other models of its maker follow the same ones. */
  holdFor: (modelId: string) => boolean;
  check: (input: Record<string, unknown>, node: SchemaNode, media: readonly MediaField[]) => InputIssue[];
}

/** Prices that stand only in the prose of a model's page. They drift: for display and evidence, never for a decision. */
export interface PublishedPrices {
  /** The page may give those of other models, too. */
  holdFor: (modelId: string) => boolean;
  /** What the catalogue lists of such a model. */
  list: (modelId: string) => ListedPrice;
  /** Fields of an input that the price depends on. */
  fields: readonly string[];
  /** Of one output; undefined where the input does not tell. */
  priceUsd: (modelId: string, input: InputReader) => number | undefined;
}

/** A model's price as the catalogue words it. */
export interface ListedPrice {
  basePriceUsd: number;
  priceUnit: 'second' | 'output';
  pricingNote: string;
}

/** An input's own values, else those that RunComfy takes when a field is left out. */
export interface InputReader {
  value: (field: string) => unknown;
  /** A number, also one that is written as a string. */
  number: (field: string) => number | undefined;
}

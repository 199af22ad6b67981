/** A model whose input schema comes with this package: it is checked without a token and without the catalogue. */
export interface BundledModel {
  modelId: string;
  categories: readonly string[];
  /** As RunComfy publishes it, its own dialect included. */
  inputSchema: Readonly<Record<string, unknown>>;
}

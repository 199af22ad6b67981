/** What a run would do about one order. */
export interface PreviewedOrder {
  step: string;
  /** Which item of a `forEach`. */
  index?: number;
  /**
   * `reuse`: what an earlier run made is used; `attach`: a generation of this key runs, or has failed; `order`: it is
   * ordered and billed; `fail`: it cannot be ordered.
   */
  decision: 'reuse' | 'attach' | 'order' | 'fail';
  /** Why; nothing has to be said of what is used again. */
  reason?: string;
  model?: string;
  /** Missing where it depends on what is not made yet. */
  key?: string;
  /** What this run would be billed for it; null where it cannot be known. */
  priceUsd: number | null;
}

/** A step that orders nothing. `ask`: a person decides. */
export interface PreviewedStep {
  step: string;
  decision: 'skip' | 'ask' | 'fail';
  reason: string;
}

/** Exactly what a run would order, by the decisions that the run itself makes. */
export interface PipelinePreview {
  key: string;
  /** The key has this very pipeline already: nothing would be started. */
  attached: boolean;
  orders: PreviewedOrder[];
  steps: PreviewedStep[];
  /** How many orders would be made and billed. */
  ordered: number;
  reused: number;
  currency: 'USD';
  /** Null where the price of an order is not known. */
  totalUsd: number | null;
  /** The sum of the prices that are known. */
  atLeastUsd: number;
  /** What the preview had to assume, and the warnings of the check. */
  warnings: string[];
}

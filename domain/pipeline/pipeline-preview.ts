/** What a run would do for one order. */
export interface PreviewedOrder {
  step: string;
  /** Index of the item, for a step with `forEach`. */
  index?: number;
  /**
   * `reuse`: the result of an earlier run is used; `attach`: a generation with this key is running or has failed;
   * `order`: it is ordered and billed; `fail`: it cannot be ordered.
   */
  decision: 'reuse' | 'attach' | 'order' | 'fail';
  /** Why this was decided; missing for `reuse`. */
  reason?: string;
  model?: string;
  /** Missing if it depends on outputs that do not exist yet. */
  key?: string;
  /** What this run would be billed for it; null if unknown. */
  priceUsd: number | null;
}

/** A step that orders nothing. `ask`: a person decides. */
export interface PreviewedStep {
  step: string;
  decision: 'skip' | 'ask' | 'fail';
  reason: string;
}

/** Exactly what a run would order, decided in the same way as in the run itself. */
export interface PipelinePreview {
  key: string;
  /** The key already belongs to this same pipeline, so nothing would be started. */
  attached: boolean;
  orders: PreviewedOrder[];
  steps: PreviewedStep[];
  /** Number of orders that would be made and billed. */
  ordered: number;
  reused: number;
  currency: 'USD';
  /** Null if the price of any order is unknown. */
  totalUsd: number | null;
  /** Sum of the known prices. */
  atLeastUsd: number;
  /** Assumptions of the preview, and warnings of the check. */
  warnings: string[];
}

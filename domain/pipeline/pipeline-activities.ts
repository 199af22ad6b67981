import type { CancelOutcome, GenerationResult, InputIssue, WallPolicy } from '../generation.ts';
import type { ItemState, StepFailure, StepState } from './pipeline-run.ts';
import type { PipelinePlan, PlanParam, PlanStep } from './pipeline.ts';

/** Argument of activity `checkPlan`. */
export interface PlanQuestion {
  plan: object;
  params?: Record<string, unknown>;
  maxCostUsd?: number;
  /** Refuse a plan with an order of unknown price, as budgets require. */
  needsPrices?: boolean;
  /** Default `onWall` of the orders. With `wait`, a refused token is waited out here as well. */
  onWall?: WallPolicy;
  /** Prefix of the keys of its orders. */
  lineage?: string;
  /**
   * Also prepare the steps that wait for no other step. Doing so within the check leaves no history events of its own.
   */
  first?: FirstQuestion;
  /**
   * The run shows its phase in the search attributes from the check on. A run of an earlier version shows only its end.
   */
  showsPhase?: true;
}

/** How to prepare the steps that wait for no other step. */
export interface FirstQuestion extends Pick<StepQuestion, 'orderAgain' | 'needsPrices' | 'onWall'> {
  /** Key of the pipeline. */
  key: string;
  /** When the pipeline started, ISO 8601; unchanged by a reset. */
  startedAt: string;
}

/** What a step of a valid plan reads. */
export interface StepSources {
  id: string;
  /** Ids of the steps that it waits for. */
  steps: string[];
  /** Names of the params that it reads. */
  params: string[];
}

/** Outputs that are plain paths such as `steps.clip.video`, by name: resolved without an expression evaluator. */
export type OutputPaths = Record<string, string[]>;

/** The result of checking a plan. */
export type PlanAnswer =
  | {
      issues: InputIssue[];
      /** Our search attributes that the server knows. Set if the question has `showsPhase`. */
      searchAttributes?: string[];
    }
  | {
      plan: PipelinePlan;
      params: Record<string, unknown>;
      /** Sorted such that each step comes after its sources. */
      steps: StepSources[];
      /** Set if every output is a plain path. */
      outputPaths?: OutputPaths;
      warnings: string[];
      /** Our search attributes that the server knows. */
      searchAttributes: string[];
      /** Copied from the question. Missing from histories recorded without it, which must replay unchanged. */
      showsPhase?: true;
      /** The run records fewer events. Missing from histories of earlier versions, which must replay unchanged. */
      isSparing?: true;
      /**
       * The run's commands depend neither on the answer of a local activity nor on when it arrives: if a query is
       * answered at the same time, a replay may see that answer earlier or later than the run did.
       */
      isSteady?: true;
      /**
       * Single orders and approvals that wait for no other step, if the question asked for them and they could be
       * prepared at once.
       */
      prepared?: Record<string, StepAnswer>;
    };

/**
 * What a question says about a step. Each file is named only once, since the question is stored in the history and is
 * limited to 2 MiB.
 */
export type ToldStep = Pick<
  StepState,
  'id' | 'phase' | 'key' | 'requestId' | 'model' | 'costUsd' | 'output' | 'approval'
> & { items?: Pick<ItemState, 'index' | 'phase' | 'key' | 'requestId' | 'model' | 'costUsd' | 'output'>[] };

/** The values that the expressions of a step may refer to. */
export interface StepValuesInQuestion {
  declared: Record<string, PlanParam>;
  params: Record<string, unknown>;
  steps: ToldStep[];
  key: string;
}

/** Argument of activity `prepareStep`. */
export interface StepQuestion {
  id: string;
  step: PlanStep;
  values: StepValuesInQuestion;
  lineage: string;
  orderAgain?: boolean;
  /** Refuse an order of unknown price; retry while the catalogue does not answer. */
  needsPrices?: boolean;
  /** Default `onWall` of the orders. */
  onWall?: WallPolicy;
  /** When the pipeline started, ISO 8601. What has failed since then is not ordered again, even with `orderAgain`. */
  startedAt?: string;
  /** Index of the first item to prepare, since not all items may fit into one answer. */
  from?: number;
  /** How often earlier items used each digest. */
  digests?: Record<string, number>;
  /** Prepare one further order of one item: another attempt, or a fallback. */
  further?: FurtherOrder;
}

/** Which further order of an item to prepare. */
export interface FurtherOrder {
  index: number;
  /** 0: the step's own order, 1: its first fallback. */
  rank: number;
  /** Keys that this run has already used for the item. */
  usedKeys: string[];
  /** The item's number among equal items, counted from 1. */
  copy: number;
}

/** An order that is ready to be made, or what already exists under its key. */
export type PreparedOrder = { index: number } & (
  | { kind: 'failed'; failure: StepFailure }
  | ({ kind: 'order'; input: Record<string, unknown> } & OrderFacts & {
        /** Run id of the unbilled run that this order retries. */
        retryOfRunId?: string;
        /** Why nothing that exists can be used. */
        reason?: string;
      })
  /** A generation with this key is running or has failed. */
  | ({ kind: 'attach'; reason?: string } & OrderFacts)
  | ({ kind: 'reuse'; result: ReusedResult } & OrderFacts)
);

/** The part of an earlier run's result that a step uses; kept small because each answer is stored in the history. */
export type ReusedResult = Pick<GenerationResult, 'requestId' | 'output' | 'costUsd'>;

interface OrderFacts {
  key: string;
  model: string;
  priceUsd?: number;
  copy: number;
  /**
   * Number of orders that an earlier run made for the item before this one. Fallbacks are counted on from the last
   * attempt.
   */
  tries?: number;
}

/** What is to be done for a step, decided before anything is ordered. */
export type StepAnswer =
  | { kind: 'skip'; reason: string }
  | { kind: 'failed'; failure: StepFailure }
  | { kind: 'choose'; choices?: string[] }
  | {
      kind: 'orders';
      /** Number of items of the `forEach`; 1 without one. */
      total: number;
      orders: PreparedOrder[];
      /** Index of the first item that is not prepared yet. */
      next?: number;
      digests?: Record<string, number>;
    };

/** Argument of activity `evaluateOutputs`. */
export interface OutputsQuestion {
  outputs: Record<string, unknown>;
  values: StepValuesInQuestion;
}

/** The outputs of a pipeline, with warnings for those that could not be evaluated. */
export interface OutputsAnswer {
  /** Null for an expression without a value. */
  outputs: Record<string, unknown>;
  warnings: string[];
}

/** How a generation that was followed has ended. */
export type FollowAnswer = { result: GenerationResult } | { failure: StepFailure };

/** What became of the cancel of a generation. */
export interface CancelledGeneration {
  key: string;
  outcome: CancelOutcome;
  requestId?: string;
}

/** Argument of activity `cancelGenerations`. */
export interface CancelGenerationsQuestion {
  keys: string[];
  reason?: string;
}

/** Argument of activity `settleGeneration`: an order, and its key or what the key is built from. */
export interface GenerationQuestion {
  model: string;
  input: Record<string, unknown>;
  /** The whole key. Missing: it is `<lineage>/<step>@<digest>`. */
  key?: string;
  step?: string;
  lineage?: string;
  /** Distinguishes repeated orders of the same input. */
  take?: number;
  orderAgain?: boolean;
}

/** Under which key to order a generation, or what already exists under that key. */
export type GenerationAnswer =
  | { kind: 'order'; key: string; retryOfRunId?: string; reason?: string }
  | { kind: 'attach'; key: string; reason?: string }
  | { kind: 'reuse'; key: string; result: GenerationResult }
  /** The key belongs to something else. */
  | { kind: 'refused'; message: string };

/** Activities of pipelines, and of other workflows that order generations. */
export interface PipelineActivities {
  /** Checks a plan and its params before anything is paid. */
  checkPlan: (question: PlanQuestion) => Promise<PlanAnswer>;
  /** Evaluates the expressions of a step, prices its orders and looks up their keys. */
  prepareStep: (question: StepQuestion) => Promise<StepAnswer>;
  /** Evaluates the outputs of a pipeline. */
  evaluateOutputs: (question: OutputsQuestion) => Promise<OutputsAnswer>;
  /** Looks up the key of one generation. */
  settleGeneration: (question: GenerationQuestion) => Promise<GenerationAnswer>;
  /** Waits for the end of a generation that somebody else started. */
  followGeneration: (question: { key: string }) => Promise<FollowAnswer>;
  /** Waits for the given time. Runs as a local activity. */
  breathe: (question: { ms: number }) => Promise<void>;
  /** Asks one generation to cancel, and reports the outcome. */
  cancelGeneration: (question: { key: string; reason?: string }) => Promise<CancelledGeneration>;
  /** Asks generations to cancel and reports the outcome of each, in the order of the keys. */
  cancelGenerations: (question: CancelGenerationsQuestion) => Promise<CancelOutcome[]>;
}

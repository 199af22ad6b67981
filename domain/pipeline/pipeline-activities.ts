import type { CancelOutcome, GenerationResult, InputIssue, WallPolicy } from '../generation.ts';
import type { ItemState, StepFailure, StepState } from './pipeline-run.ts';
import type { PipelinePlan, PlanParam, PlanStep } from './pipeline.ts';

/** What activity `checkPlan` is asked. */
export interface PlanQuestion {
  plan: object;
  params?: Record<string, unknown>;
  maxCostUsd?: number;
  /** Refuses a plan of which a price cannot be known: it is ordered under budgets. */
  needsPrices?: boolean;
  /** What orders that say nothing of their own do at a wall: where they wait, a refused token is waited out too. */
  onWall?: WallPolicy;
  /** What the keys of its orders begin with. */
  lineage?: string;
  /** Prepares what waits for no other step along with the check, which leaves no events of its own. */
  first?: FirstQuestion;
  /** The run shows its phase in the search attributes from the check on: one of an earlier version shows its end alone. */
  showsPhase?: true;
}

/** What is said of the steps that wait for no other. */
export interface FirstQuestion extends Pick<StepQuestion, 'orderAgain' | 'needsPrices' | 'onWall'> {
  /** Key of the pipeline. */
  key: string;
  /** When the pipeline started, ISO 8601; a reset leaves it as it was. */
  startedAt: string;
}

/** What each step of a plan that may be run reads. */
export interface StepSources {
  id: string;
  /** The steps that it waits for. */
  steps: string[];
  /** The params that it reads. */
  params: string[];
}

/** An output that is nothing but a path, as `steps.clip.video`: found without an evaluator. */
export type OutputPaths = Record<string, string[]>;

/** What a check of a plan found. */
export type PlanAnswer =
  | {
      issues: InputIssue[];
      /** The search attributes of ours that the server knows; for whoever shows its phase. */
      searchAttributes?: string[];
    }
  | {
      plan: PipelinePlan;
      params: Record<string, unknown>;
      /** Each step after its sources. */
      steps: StepSources[];
      /** Set where every output is a plain path. */
      outputPaths?: OutputPaths;
      warnings: string[];
      /** The search attributes of ours that the server knows. */
      searchAttributes: string[];
      /** As it was asked: what has been recorded without stays as it is. */
      showsPhase?: true;
      /** The run leaves fewer events than runs did whose check did not say so: what those have recorded stays as it is. */
      isSparing?: true;
      /**
       * Nothing follows from the answer of a local activity, nor from the time at which one came: where a query is answered
       * beside it, a replay may hear of it earlier or later than the run did.
       */
      isSteady?: true;
      /** Single orders and approvals that wait for no other step, as far as they were asked for and could be prepared at once. */
      prepared?: Record<string, StepAnswer>;
    };

/** What a question tells of a step: each file once, since a question stands in the history and may have 2 MiB. */
export type ToldStep = Pick<
  StepState,
  'id' | 'phase' | 'key' | 'requestId' | 'model' | 'costUsd' | 'output' | 'approval'
> & { items?: Pick<ItemState, 'index' | 'phase' | 'key' | 'requestId' | 'model' | 'costUsd' | 'output'>[] };

/** What expressions of a step may name. */
export interface StepValuesInQuestion {
  declared: Record<string, PlanParam>;
  params: Record<string, unknown>;
  steps: ToldStep[];
  key: string;
}

/** What activity `prepareStep` is asked. */
export interface StepQuestion {
  id: string;
  step: PlanStep;
  values: StepValuesInQuestion;
  lineage: string;
  orderAgain?: boolean;
  /** An order of which the price cannot be known is refused: asked again while the catalogue gives no answer. */
  needsPrices?: boolean;
  /** What orders that say nothing of their own do at a wall. */
  onWall?: WallPolicy;
  /** When the pipeline started, ISO 8601: what failed since then is not ordered again, though `orderAgain` is set. */
  startedAt?: string;
  /** Index of the first item to prepare: not all fit into one answer. */
  from?: number;
  /** How often each digest has been used by the items before. */
  digests?: Record<string, number>;
  /** Prepares one further order of one item: an attempt, or a fallback. */
  further?: FurtherOrder;
}

/** Which further order of an item is prepared. */
export interface FurtherOrder {
  index: number;
  /** 0: the step's own order, 1: its first fallback. */
  rank: number;
  /** Keys that this run has used for the item. */
  usedKeys: string[];
  /** Which of the equal items it is, counted from 1. */
  copy: number;
}

/** An order that is ready to be made, or what is known of it already. */
export type PreparedOrder = { index: number } & (
  | { kind: 'failed'; failure: StepFailure }
  | ({ kind: 'order'; input: Record<string, unknown> } & OrderFacts & {
        /** Run id of the unbilled run that this one follows. */
        retryOfRunId?: string;
        /** Why nothing known will do. */
        reason?: string;
      })
  /** A generation of this key runs, or has failed. */
  | ({ kind: 'attach'; reason?: string } & OrderFacts)
  | ({ kind: 'reuse'; result: ReusedResult } & OrderFacts)
);

/** What a step takes of what an earlier run made: each answer stands in the history. */
export type ReusedResult = Pick<GenerationResult, 'requestId' | 'output' | 'costUsd'>;

interface OrderFacts {
  key: string;
  model: string;
  priceUsd?: number;
  copy: number;
  /** How many orders of the item an earlier run made before this one; fallbacks are counted on from the last attempt. */
  tries?: number;
}

/** What a step comes to, before anything of it is ordered. */
export type StepAnswer =
  | { kind: 'skip'; reason: string }
  | { kind: 'failed'; failure: StepFailure }
  | { kind: 'choose'; choices?: string[] }
  | {
      kind: 'orders';
      /** Items of the `forEach`; 1 without one. */
      total: number;
      orders: PreparedOrder[];
      /** Index of the first item that is not prepared yet. */
      next?: number;
      digests?: Record<string, number>;
    };

/** What activity `evaluateOutputs` is asked. */
export interface OutputsQuestion {
  outputs: Record<string, unknown>;
  values: StepValuesInQuestion;
}

/** The outputs of a pipeline, and what could not be evaluated. */
export interface OutputsAnswer {
  /** Null where an expression gives nothing. */
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

/** What activity `cancelGenerations` is asked. */
export interface CancelGenerationsQuestion {
  keys: string[];
  reason?: string;
}

/** What activity `settleGeneration` is asked: which order, and what its key is, or what it is made of. */
export interface GenerationQuestion {
  model: string;
  input: Record<string, unknown>;
  /** The key as it is; else `<lineage>/<step>@<digest>`. */
  key?: string;
  step?: string;
  lineage?: string;
  /** Another try of the same input. */
  take?: number;
  orderAgain?: boolean;
}

/** Under which key a generation is ordered, or what is known of it already. */
export type GenerationAnswer =
  | { kind: 'order'; key: string; retryOfRunId?: string; reason?: string }
  | { kind: 'attach'; key: string; reason?: string }
  | { kind: 'reuse'; key: string; result: GenerationResult }
  /** The key belongs to something else. */
  | { kind: 'refused'; message: string };

/** What the workflow of a pipeline, or one that orders generations, cannot do itself. */
export interface PipelineActivities {
  /** Checks a plan and its params before anything is paid. */
  checkPlan: (question: PlanQuestion) => Promise<PlanAnswer>;
  /** Evaluates what a step is made of, prices it, and looks at what is known of its keys. */
  prepareStep: (question: StepQuestion) => Promise<StepAnswer>;
  /** Evaluates the outputs of a pipeline. */
  evaluateOutputs: (question: OutputsQuestion) => Promise<OutputsAnswer>;
  /** Looks at what is known of the key of one generation. */
  settleGeneration: (question: GenerationQuestion) => Promise<GenerationAnswer>;
  /** Waits for the end of a generation that somebody else has started. */
  followGeneration: (question: { key: string }) => Promise<FollowAnswer>;
  /** Waits so many milliseconds; a local activity. */
  breathe: (question: { ms: number }) => Promise<void>;
  /** Asks one generation to cancel, and tells what became of it. */
  cancelGeneration: (question: { key: string; reason?: string }) => Promise<CancelledGeneration>;
  /** Asks generations to cancel and tells what became of each, in the order of the keys. */
  cancelGenerations: (question: CancelGenerationsQuestion) => Promise<CancelOutcome[]>;
}

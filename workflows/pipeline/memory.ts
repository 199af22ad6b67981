import { CancellationScope, patched, type upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { InputIssue } from '../../domain/generation.ts';
import type { PlanAnswer, StepSources } from '../../domain/pipeline/pipeline-activities.ts';
import { parsePipelineRequest, pipelineDeadlineMsOf } from '../../domain/pipeline/pipeline-request.ts';
import type {
  PipelineCancelReply,
  PipelineRequest,
  PipelineState,
  StepFailure,
  StepState,
} from '../../domain/pipeline/pipeline-run.ts';
import { planLimits } from '../../domain/pipeline/pipeline.ts';
import { deadlineStart, handedOn, type SampleOf } from '../run-start.ts';
import { createSlots, type Slots } from './slots.ts';

/** A plan that has been checked and may be run. */
export type CheckedPlan = Exclude<PlanAnswer, { issues: unknown }>;

/** Why nothing new is started any more. */
export interface Stop {
  kind: 'failed' | 'cancelled' | 'timed_out';
  /** The step that failed, and why. */
  step?: string;
  failure?: StepFailure;
  /** Work that is still running is not waited for. */
  detach?: boolean;
}

/** A generation that is open under its key. */
export interface OpenOrder {
  key: string;
  id: string;
  index: number | undefined;
  /** Temporal has not confirmed the start yet. */
  isStarting: boolean;
}

/** A search attribute and its value. */
export type AttributePair = Extract<Parameters<typeof upsertSearchAttributes>[0], unknown[]>[number];

/** What operators see in the search attributes. */
export interface ShownAttributes {
  /** Our search attributes that the server knows. */
  known: string[];
  /** When the server was last asked for them, epoch ms. */
  askedAt: number | undefined;
  /** The server is being asked. */
  isAsking: boolean;
  /** Values that are not set yet, by name. */
  readonly toSet: Map<string, AttributePair>;
}

/** The memory of one pipeline. */
export interface Pipeline {
  /** The answer of query `state`. */
  readonly state: PipelineState;
  readonly key: string;
  readonly request: PipelineRequest;
  readonly issues: InputIssue[];
  checked: CheckedPlan | undefined;
  /** The search attributes; written by `visibility.ts`. */
  readonly attributes: ShownAttributes;
  stop: Stop | undefined;
  /** Cancels that RunComfy has not answered yet. */
  openCancels: number;
  /** The outcome of each order in the last cancel, updated by how the order ended since. */
  cancelled: PipelineCancelReply['steps'];
  isWorkflowCancelled: boolean;
  /** The workflow's own scope: it knows of a cancellation before its listeners hear of it. */
  readonly scope: CancellationScope;
  hasEnded: boolean;
  readonly open: Set<OpenOrder>;
  /** Called when the pipeline stops: they cut preparations short and let everyone into the slots. */
  readonly interrupts: Set<() => void>;
  /** Preparations in progress. */
  busy: number;
  readonly slots: Slots;
  readonly money: Money;
  /** Orders made by this run, to keep it within the limit. */
  ordersMade: number;
  /** The steps whose orders are included in that. */
  readonly counted: Set<string>;
  /**
   * Orders that a step or an item has tried, including those that could not even be made; by `step` or `step[index]`.
   */
  readonly tries: Map<string, number>;
  /** When an order ended last, epoch ms. */
  lastEndAt: number;
  /** How long an order takes lately, by the workflow's clock, in milliseconds. */
  orderMs: number | undefined;
  /** The same according to the results. */
  toldMs: number | undefined;
  /** The pause in which further ends are awaited. */
  breath: Promise<void> | undefined;
  mayBreathe: boolean | undefined;
  /** A local activity keeps this workflow task open. */
  isTaskKeptOpen: boolean;
  /** Tasks were kept open, so a replay's clock may differ from the run's from then on. */
  hasKeptTasksOpen: boolean;
  /** The state is too large for another run, so this one goes on to the end. */
  isTooLargeToContinue: boolean;
  /** Number of orders and preparations that wait for the next run before they begin. */
  held: number;
  /**
   * Whether an order or a step has ended in this run. `due`: the run continues only after one has, since the next run
   * would get no further.
   */
  progress: 'none' | 'due' | 'made';
  /** When the memo was written last, epoch ms. */
  shownAt: number;
  /** Orders and steps that have ended in this run, and since the memo was written last. */
  readonly ends: { all: number; notShown: number; isStepNotShown: boolean };
}

/** In micro-dollars. */
export interface Money {
  /** What orders are known to have cost. */
  spent: number;
  /** What orders may have cost that did not say so; counted against the limit only. */
  presumed: number;
  /** Expected prices of the orders that are open. */
  reserved: number;
  /** Number of orders of unknown price that may have cost something; missing: none. */
  unpriced?: number;
}

/** What a continued run is handed by the run before it. Only optional fields may be added. */
export interface CarriedPipeline {
  state: PipelineState;
  checked: CheckedPlan;
  money: Money;
  ordersMade: number;
  counted?: string[];
  tries?: Record<string, number>;
}

const sampleOfCarried: SampleOf<CarriedPipeline> = {
  state: { phase: '', startedAt: '', deadlineAt: '', costUsd: 0, reservedUsd: 0, steps: [], warnings: [] },
  checked: { steps: [], searchAttributes: [] },
  money: { spent: 0, presumed: 0, reserved: 0 },
  ordersMade: 0,
};

/** Whether the deadline passed before the first workflow task of this run, which came late. */
function isLate({ deadlineAt }: PipelineState, isCarried: boolean): boolean {
  if (Date.parse(deadlineAt) > Date.now()) return false;
  return !isCarried || patched('late-continuations-order-nothing');
}

/** Opens the memory from the workflow's argument, which anyone may have sent, and from what an earlier run carried. */
export function openPipeline(argument: unknown, given: unknown): Pipeline {
  const { workflowId: key } = workflowInfo();
  const carried = handedOn(given, sampleOfCarried);
  const parsed = parsePipelineRequest(argument);
  const request: PipelineRequest = parsed.ok ? parsed.request : { plan: {} };
  const state = carried?.state ?? firstState(request);
  return {
    state,
    key,
    request,
    issues: parsed.ok ? [] : parsed.issues,
    checked: carried?.checked,
    attributes: {
      known: carried?.checked.searchAttributes ?? [],
      askedAt: undefined,
      isAsking: false,
      toSet: new Map(),
    },
    stop: isLate(state, carried !== undefined) ? { kind: 'timed_out' } : undefined,
    openCancels: 0,
    cancelled: [],
    isWorkflowCancelled: false,
    scope: CancellationScope.current(),
    hasEnded: false,
    open: new Set(),
    interrupts: new Set(),
    busy: 0,
    slots: createSlots(request.maxParallel ?? planLimits.maxParallel),
    money: carried?.money ?? { spent: 0, presumed: 0, reserved: 0 },
    ordersMade: carried?.ordersMade ?? 0,
    counted: new Set(carried?.counted),
    tries: new Map(Object.entries(carried?.tries ?? {})),
    lastEndAt: 0,
    orderMs: undefined,
    toldMs: undefined,
    breath: undefined,
    mayBreathe: undefined,
    isTaskKeptOpen: false,
    hasKeptTasksOpen: false,
    isTooLargeToContinue: false,
    held: 0,
    progress: 'none',
    shownAt: Date.now(),
    ends: { all: 0, notShown: 0, isStepNotShown: false },
  };
}

/** What the next run needs. */
export function carryPipeline({ state, checked, money, ordersMade, counted, tries }: Pipeline): CarriedPipeline {
  if (checked === undefined) throw defect('a pipeline is continued before its plan was checked');
  // Answers prepared along with the check are only valid at that moment.
  const { prepared: _, ...rest } = checked;
  return { state, checked: rest, money, ordersMade, counted: [...counted], tries: Object.fromEntries(tries) };
}

export function planOf({ checked }: Pipeline): CheckedPlan {
  if (checked === undefined) throw defect('the plan has not been checked yet');
  return checked;
}

export function sourcesOfStep(pipeline: Pipeline, id: string): StepSources {
  const sources = planOf(pipeline).steps.find((step) => step.id === id);
  if (sources === undefined) throw defect(`the plan has no step ${id}`);
  return sources;
}

export function stepState({ state }: Pipeline, id: string): StepState {
  const step = state.steps.find((each) => each.id === id);
  if (step === undefined) throw defect(`the plan has no step ${id}`);
  return step;
}

function firstState(request: PipelineRequest): PipelineState {
  const deadlineMs = pipelineDeadlineMsOf(request);
  return {
    phase: 'checking',
    startedAt: new Date().toISOString(),
    deadlineAt: new Date(deadlineStart(deadlineMs) + deadlineMs).toISOString(),
    costUsd: 0,
    reservedUsd: 0,
    ...(request.maxCostUsd !== undefined && { maxCostUsd: request.maxCostUsd }),
    steps: [],
    warnings: [],
  };
}

/** A defect of ours: the workflow task fails, and the pipeline goes on once it is fixed. */
export function defect(message: string): Error {
  return new Error(message);
}

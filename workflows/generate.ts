import { ApplicationFailure, CancellationScope, CancelledFailure, condition, workflowInfo } from '@temporalio/workflow';
import type { GenerationRequest, GenerationResult } from '../domain/generation.ts';
import { withoutUndefined } from '../domain/json.ts';
import type { InputOf } from '../domain/model-inputs.ts';
import { defaultTaskQueue } from '../domain/names.ts';
import type { CancelledGeneration, FollowAnswer, GenerationAnswer } from '../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../domain/pipeline/pipeline-run.ts';
import { generationCalls } from './activity-options.ts';
import { isKeyTaken, startGenerationChild } from './generation-child.ts';
import { failureOf } from './pipeline/place-order.ts';

/** An order; its input is typed if the model is bundled. */
export type GenerationOrder<Model extends string> = Omit<GenerationRequest, 'model' | 'input' | 'requestId'> & {
  model: Model;
  input: InputOf<Model>;
};

/** The key under which a generation is ordered, and the task queue. Give either `step` or `key`. */
export interface GenerationPlace {
  /**
   * The key becomes `<lineage>/<step>@<digest of model, input and take>`, so that only what has changed is ordered
   * again.
   */
  step?: string;
  /** The key as it is. Refused if it was ordered with another model or input. */
  key?: string;
  /** The beginning of keys made from a `step`; default: the id of the workflow that orders. */
  lineage?: string;
  /** Another try of the same input; default 1. */
  take?: number;
  /** Order again, under a further key, if the generation failed and may have been billed. */
  orderAgain?: boolean;
  /** Task queue of the workers of generations; default `runcomfy`. */
  taskQueue?: string;
}

/** The result of a generation, and its key. */
export interface GeneratedResult extends GenerationResult {
  key: string;
  /** The result already existed; nothing was ordered now. */
  reused: boolean;
}

/**
 * Orders a generation from a workflow of your own, at most once per key: an existing result is reused, a running
 * generation is followed, and one that provably cost nothing is ordered again. Fails with an `ApplicationFailure` of
 * one of our types. A cancellation asks RunComfy to stop and is rethrown once the outcome is known
 * (`cancelledGenerationOf`). A workflow that ends in any other way asks its generations to cancel.
 */
export async function generate<const Model extends string>(
  order: GenerationOrder<Model>,
  place: GenerationPlace,
): Promise<GeneratedResult> {
  const { taskQueue = defaultTaskQueue, lineage = workflowInfo().workflowId, orderAgain, step, key, take } = place;
  if ((step === undefined) === (key === undefined)) throw refusal('generate: give a step, or a key');
  const calls = generationCalls(taskQueue);
  const request: GenerationRequest = { ...order, input: { ...order.input } };
  const settled = await calls.settleGeneration({
    model: order.model,
    input: { ...order.input },
    lineage,
    ...withoutUndefined({ step, key, take, orderAgain }),
  });
  if (settled.kind === 'refused') throw refusal(settled.message);
  if (settled.kind === 'reuse') return { ...settled.result, key: settled.key, reused: true };
  const { key: own } = settled;
  const open = { isStarting: settled.kind === 'order' };
  const cancel = cancelWith(() =>
    CancellationScope.nonCancellable(async () => {
      await condition(() => !open.isStarting);
      const cancelled = await calls
        .cancelGeneration({ key: own, reason: 'the workflow that ordered it was cancelled' })
        .catch((): CancelledGeneration => ({ key: own, outcome: 'unknown' }));
      // Work that cannot be stopped is let go, unless the order says to wait for it. In all other cases the generation
      // ends at once.
      const isLetGo =
        order.onCancelWhileRunning !== 'wait' && ['not_cancellable', 'unknown'].includes(cancelled.outcome);
      return { cancelled, isLetGo };
    }),
  );
  const answer = await CancellationScope.nonCancellable(() =>
    Promise.race([fulfil(settled, request, taskQueue, open), cancel.whenLetGo]),
  );
  if (answer !== undefined && 'result' in answer) return { ...answer.result, key: own, reused: false };
  const asked = await cancel.stop();
  if (asked === undefined && answer !== undefined) throw toApplicationFailure(own, answer.failure);
  throw new CancelledFailure(`generation "${own}" was cancelled: ${asked?.outcome ?? 'unknown'}`, [asked]);
}

interface AskedToCancel {
  cancelled: CancelledGeneration;
  isLetGo: boolean;
}

/** Asks to cancel once the surrounding scope is cancelled. */
function cancelWith(ask: () => Promise<AskedToCancel>) {
  let asking: Promise<AskedToCancel> | undefined;
  let isOver = false;
  const whenLetGo = new Promise<undefined>((resolve) => {
    void CancellationScope.current().cancelRequested.catch(async () => {
      if (isOver) return;
      asking = ask();
      if ((await asking).isLetGo) resolve(undefined);
    });
  });
  return {
    whenLetGo,
    /** Ends the listening; returns the outcome of the cancel, if one was asked for. */
    stop: async (): Promise<CancelledGeneration | undefined> => {
      isOver = true;
      const open = asking;
      return open && (await CancellationScope.nonCancellable(() => open)).cancelled;
    },
  };
}

type Settled = Extract<GenerationAnswer, { kind: 'order' | 'attach' }>;

async function fulfil(
  settled: Settled,
  request: GenerationRequest,
  taskQueue: string,
  open: { isStarting: boolean },
): Promise<FollowAnswer> {
  const { key } = settled;
  const follow = () => generationCalls(taskQueue).followGeneration({ key });
  if (settled.kind === 'attach') return await follow();
  try {
    const child = await startGenerationChild({ key, request, taskQueue, retryOfRunId: settled.retryOfRunId });
    open.isStarting = false;
    return { result: await child.result() };
  } catch (error) {
    open.isStarting = false;
    return isKeyTaken(error) ? await follow() : { failure: failureOf(error) };
  }
}

/** What became of the generation that a cancellation stopped; undefined for any other error. */
export function cancelledGenerationOf(error: unknown): CancelledGeneration | undefined {
  if (!(error instanceof CancelledFailure)) return undefined;
  const [detail] = error.details as Partial<CancelledGeneration>[];
  return detail?.key === undefined || detail.outcome === undefined ? undefined : (detail as CancelledGeneration);
}

function refusal(message: string): ApplicationFailure {
  const details = [{ submission: 'not_sent' }];
  return ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true, details });
}

function toApplicationFailure(key: string, failure: StepFailure): ApplicationFailure {
  const { type, message } = failure;
  return ApplicationFailure.create({ type, message, nonRetryable: true, details: [{ ...failure, key }] });
}

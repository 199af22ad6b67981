import { isUnbilled } from '../failure-details.ts';
import { wallTypes } from '../failure-type.ts';
import type { GenerationOutput } from '../generation.ts';
import { withoutUndefined } from '../json.ts';
import type { ToldStep } from './pipeline-activities.ts';
import type { ApprovalState, ItemState, OrderState, StepFailure, StepPhase, StepState } from './pipeline-run.ts';
import type { PlanStep, RunRule } from './pipeline.ts';

const endPhases: readonly StepPhase[] = ['succeeded', 'failed', 'skipped', 'cancelled', 'not_started'];

/** Whether a step has ended. */
export function hasStepEnded({ phase }: { phase: StepPhase }): boolean {
  return endPhases.includes(phase);
}

/** Whether a step is a single order or an approval, which is prepared all at once. */
export function isOfOne(step: PlanStep): boolean {
  return step.kind === 'approval' || step.forEach === undefined;
}

/** Says why a step is skipped because of its sources, which must all have ended; undefined if it runs. */
export function skipBecauseOf(sources: readonly StepState[], runsWhen: RunRule): string | undefined {
  if (runsWhen === 'ended') return undefined;
  for (const source of sources) {
    const { id, phase } = source;
    if (phase === 'succeeded' || hasUsableItems(source)) continue;
    return `source ${id} ${phase === 'failed' ? 'failed' : `was ${phase.replaceAll('_', ' ')}`}`;
  }
  return undefined;
}

/** Whether a fan-out failed only in part, so that the items that succeeded can be used. */
function hasUsableItems({ phase, items = [] }: StepState): boolean {
  return phase === 'failed' && items.some((item) => item.phase === 'succeeded');
}

/** The phase of a step whose items have all ended. */
export function phaseOfItems(items: readonly ItemState[]): StepPhase {
  const phases = items.map(({ phase }) => phase);
  if (phases.includes('failed')) return 'failed';
  if (phases.includes('cancelled')) return 'cancelled';
  return phases.includes('not_started') ? 'not_started' : 'succeeded';
}

/** The values of an ended step that expressions can refer to. Missing values have no property at all. */
export function valuesOfStep(state: ToldStep): { phase: string; [field: string]: unknown } {
  const { phase, approval, items } = state;
  if (approval) return { phase, ...valuesOfApproval(approval) };
  if (!items) return valuesOfOrder(phase, state);
  const values = items.map((item) => valuesOfOrder(item.phase, item));
  const all = (kind: keyof GenerationOutput) => items.flatMap(({ output }) => output?.[kind] ?? []);
  return {
    phase,
    ...withoutUndefined({ costUsd: state.costUsd }),
    items: values,
    ...mediaOf({ images: all('images'), videos: all('videos'), audios: all('audios') }, false),
  };
}

/** What a question says about a step that has ended. */
export function tellStep({ id, phase, approval, items, ...order }: StepState): ToldStep {
  const told = ({ key, requestId, model, costUsd, output }: OrderState) =>
    withoutUndefined({ key, requestId, model, costUsd, output });
  return {
    id,
    phase,
    ...told(order),
    ...withoutUndefined({
      approval: approval && withoutChoices(approval),
      items: items?.map((item) => ({ index: item.index, phase: item.phase, ...told(item) })),
    }),
  };
}

function withoutChoices({ choices: _, ...approval }: ApprovalState): ApprovalState {
  return approval;
}

function valuesOfApproval({ decision, chosen = [], reason, by }: ApprovalState) {
  return withoutUndefined({ decision, choice: chosen[0], choices: chosen, reason, by });
}

function valuesOfOrder(phase: StepPhase, { key, requestId, model, costUsd, output }: OrderState) {
  const { images = [], videos = [], audios = [] } = output ?? {};
  return {
    phase,
    ...withoutUndefined({ key, requestId, model, costUsd }),
    ...mediaOf({ images, videos, audios }, true),
  };
}

function mediaOf({ images, videos, audios }: GenerationOutput, hasSingles: boolean) {
  const lists = { images, videos, audios, files: [...images, ...videos, ...audios] };
  if (!hasSingles) return lists;
  return { ...lists, ...withoutUndefined({ image: images[0], video: videos[0], audio: audios[0] }) };
}

/** Failures that rule out further orders, which would meet the same wall. */
const walls: readonly string[] = [...wallTypes, 'PriceUnknown'];

/**
 * Whether another order may follow a failed one: it must be certain to be over, or `mayPayTwice` accepts that it may
 * still run and be billed. Never after a cancel that somebody asked for.
 */
export function mayOrderFurther(failure: StepFailure, mayPayTwice: boolean): boolean {
  if (walls.includes(failure.type) || failure.type === 'GenerationCancelled') return false;
  return isSurelyOver(failure) || mayPayTwice;
}

function isSurelyOver({ type, submission, cancel }: StepFailure): boolean {
  if (isUnbilled(submission)) return true;
  if (type === 'GenerationFailed') return submission !== 'unknown';
  if (type === 'OutputMissing') return true;
  return type === 'GenerationTimedOut' && cancel === 'cancelled';
}

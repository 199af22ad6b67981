import { isUnbilled } from '../failure-details.ts';
import { wallTypes } from '../failure-type.ts';
import type { GenerationOutput } from '../generation.ts';
import { withoutUndefined } from '../json.ts';
import type { ToldStep } from './pipeline-activities.ts';
import type { ApprovalState, ItemState, OrderState, StepFailure, StepPhase, StepState } from './pipeline-run.ts';
import type { PlanStep, RunRule } from './pipeline.ts';

const endPhases: readonly StepPhase[] = ['succeeded', 'failed', 'skipped', 'cancelled', 'not_started'];

/** Whether nothing more happens to a step. */
export function hasStepEnded({ phase }: { phase: StepPhase }): boolean {
  return endPhases.includes(phase);
}

/** Whether a step is a single order or an approval, which is prepared at one go. */
export function isOfOne(step: PlanStep): boolean {
  return step.kind === 'approval' || step.forEach === undefined;
}

/** Why a step is skipped because of its sources, all of which have ended; undefined: it runs. */
export function skipBecauseOf(sources: readonly StepState[], runsWhen: RunRule): string | undefined {
  if (runsWhen === 'ended') return undefined;
  for (const source of sources) {
    const { id, phase } = source;
    if (phase === 'succeeded' || hasUsableItems(source)) continue;
    return `source ${id} ${phase === 'failed' ? 'failed' : `was ${phase.replaceAll('_', ' ')}`}`;
  }
  return undefined;
}

/** A fan-out some of whose items failed still gives what succeeded. */
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

/** What expressions see of a step that has ended; what is absent is not there at all. */
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

/** What a question tells of a step that has ended. */
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

/** These end every further order as well: it would meet the same wall. */
const walls: readonly string[] = [...wallTypes, 'PriceUnknown'];

/**
 * Whether another order may follow one that failed, by what is known of it: surely over, or possibly still running and
 * billed. A cancel that somebody wanted is followed by none.
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

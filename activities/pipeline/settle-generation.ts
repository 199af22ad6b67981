import { isSameJson } from '../../domain/json.ts';
import { maxWorkflowIdLength, tooLong, unkeepableIn } from '../../domain/names.ts';
import type { GenerationQuestion, PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { settleKey } from '../../plans/deciding/settle-key.ts';
import { orderDigest } from '../../plans/digest.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

/**
 * Decides for a workflow that orders a generation itself, in the way it is decided for a step of a pipeline. Orders
 * nothing.
 */
export function createSettleGeneration({ generations, isGone }: PipelineDeps): PipelineActivities['settleGeneration'] {
  return async (question) => {
    const { model, input, key, orderAgain = false } = question;
    const wanted = key ?? contentKeyOf(question);
    const unkeepable = wanted === '' ? 'nothing' : unkeepableIn(wanted);
    if (unkeepable !== undefined) return { kind: 'refused', message: `its key holds ${unkeepable}` };
    if (wanted.length > maxWorkflowIdLength) return tooLongKey(wanted);
    const found = await settleKey({ generations, isGone }, wanted, { orderAgain });
    if (found.kind === 'foreign') return { kind: 'refused', message: found.message };
    // The key of a further attempt is longer than the one that was asked for.
    if (found.kind === 'order' && found.key.length > maxWorkflowIdLength) return tooLongKey(found.key);
    const settled = found.kind === 'reuse' ? found : withoutTries(found);
    if (key === undefined) return settled;
    const before = await generations.orderOf(key);
    if (before === undefined || (before.model === model && isSameJson(before.input, input))) return settled;
    const what = before.model === model ? 'another input' : `model ${String(before.model)}`;
    return { kind: 'refused', message: `key "${key}" was ordered with ${what}: choose another key, or give a step` };
  };
}

function tooLongKey({ length }: string): { kind: 'refused'; message: string } {
  return { kind: 'refused', message: `its key ${tooLong(length)}; take a shorter one` };
}

/** Leaves out `tries`: workflows that order generations by code count their attempts themselves. */
function withoutTries<Found extends { tries?: number }>({ tries: _, ...found }: Found): Omit<Found, 'tries'> {
  return found;
}

function contentKeyOf({ step = '', lineage = '', model, input, take = 1 }: GenerationQuestion): string {
  return `${lineage}/${step}@${orderDigest({ model, input, take })}`;
}

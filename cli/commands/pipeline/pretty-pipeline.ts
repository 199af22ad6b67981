import type { KnownPipelineState, StepState } from '../../../client/index.ts';
import { fields } from '../../printing/pretty.ts';
import { stepWords } from './pipeline-rows.ts';

/** A pipeline for people, with everything that the JSON document has and a line per step. */
export function prettyPipeline(state: KnownPipelineState, key: string): string {
  const { cancel, failure, warnings, presumedUsd, reservedUsd, maxCostUsd } = state;
  return fields([
    ['phase', state.phase.replaceAll('_', ' ')],
    ['key', key],
    ['started', state.startedAt],
    ['begins', state.beginsAt],
    ['ended', state.endedAt],
    ['deadline', state.endedAt === undefined ? state.deadlineAt : undefined],
    ['cost', `$${String(state.costUsd)}`],
    ['presumed', presumedUsd === undefined ? undefined : `$${String(presumedUsd)}`],
    ['reserved', reservedUsd === 0 ? undefined : `$${String(reservedUsd)}`],
    ['limit', maxCostUsd === undefined ? undefined : `$${String(maxCostUsd)}`],
    ...state.steps.flatMap((step) => rowsOf(step, state)),
    ['cancel', cancel && `asked at ${cancel.requestedAt}: ${cancel.outcome ?? 'under way'}`],
    ['failure', failure && `${failure.type}: ${failure.message}`],
    ...warnings.map((warning): [string, string] => ['warning', warning]),
  ]);
}

function rowsOf(step: StepState, state: KnownPipelineState): [string, string | undefined][] {
  const { approval, failure, items, output, waitsFor = [] } = step;
  const words = [
    stepWords(step, state),
    waitsFor.length === 0 ? undefined : `waits for ${waitsFor.join(', ')}`,
    step.key,
    failure && `${failure.type}: ${failure.message}`,
  ];
  const urls = [...(output?.images ?? []), ...(output?.videos ?? []), ...(output?.audios ?? [])];
  const isAwaiting = step.phase === 'awaiting_decision';
  return [
    [step.id, words.filter((word) => word !== undefined).join(' · ')],
    ...urls.map((url): [string, string] => ['', url]),
    ['', isAwaiting ? approval?.message : undefined],
    ...(isAwaiting ? (approval?.choices ?? []) : []).map((url, at): [string, string] => ['', `[${String(at)}] ${url}`]),
    ['', isAwaiting && approval ? `until ${approval.deadlineAt}, then ${approval.onDeadline}` : undefined],
    ...(items ?? []).flatMap(({ index, phase, failure: why, key }): [string, string][] =>
      phase === 'succeeded'
        ? []
        : [['', `[${String(index)}] ${phase.replaceAll('_', ' ')} ${key ?? ''} ${why?.message ?? ''}`]],
    ),
  ];
}

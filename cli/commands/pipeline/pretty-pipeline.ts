import type { KnownPipelineState, StepState } from '../../../client/index.ts';
import { formatElapsed } from '../../format-elapsed.ts';
import { fields } from '../../pretty.ts';

/** A pipeline on one line, with every step that has begun: for live progress. */
export function pipelineLine(state: KnownPipelineState, elapsedMs: number): string {
  const begun = state.steps.filter(({ phase }) => phase !== 'waiting');
  const waiting = state.steps.length - begun.length;
  return [
    formatElapsed(elapsedMs),
    state.phase === 'running' ? undefined : state.phase,
    ...begun.map((step) => `${step.id} ${stepWords(step, state)}`),
    waiting === 0 ? undefined : `${String(waiting)} waiting`,
    state.costUsd === 0 ? undefined : `$${String(state.costUsd)}`,
    state.isFromServer ? 'no worker answers' : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(' · ');
}

/** What a line of progress is worth a new line for, where lines stay. */
export function pipelineMark(state: KnownPipelineState): string {
  return [state.phase, ...state.steps.map((step) => stepWords(step, { ...state, orders: {} }))].join(' ');
}

/** A pipeline for people: all that the JSON document knows, a step a line. */
export function prettyPipeline(state: KnownPipelineState, key: string): string {
  const { cancel, failure, warnings, reservedUsd, maxCostUsd } = state;
  return fields([
    ['phase', state.phase.replaceAll('_', ' ')],
    ['key', key],
    ['started', state.startedAt],
    ['ended', state.endedAt],
    ['deadline', state.endedAt === undefined ? state.deadlineAt : undefined],
    ['cost', `$${String(state.costUsd)}`],
    ['reserved', reservedUsd === 0 ? undefined : `$${String(reservedUsd)}`],
    ['limit', maxCostUsd === undefined ? undefined : `$${String(maxCostUsd)}`],
    ...state.steps.flatMap((step) => rowsOf(step, state)),
    ['cancel', cancel && `asked at ${cancel.requestedAt}: ${cancel.outcome ?? 'under way'}`],
    ['failure', failure && `${failure.type}: ${failure.message}`],
    ...warnings.map((warning): [string, string] => ['warning', warning]),
  ]);
}

function rowsOf(step: StepState, state: KnownPipelineState): [string, string | undefined][] {
  const { approval, failure, items, output, waitsFor = [], reason } = step;
  const words = [
    stepWords(step, state),
    waitsFor.length === 0 ? undefined : `waits for ${waitsFor.join(', ')}`,
    reason,
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

function stepWords(step: StepState, { orders = {} }: KnownPipelineState): string {
  const { phase, items, key, attempts = [], reused, approval } = step;
  const live = key === undefined ? undefined : orders[key];
  const word = (phase === 'ordered' ? live?.phase : undefined) ?? phase;
  const ended = items?.filter((item) => item.phase === 'succeeded').length;
  const parts = [
    word.replaceAll('_', ' '),
    items === undefined ? undefined : `${String(ended)}/${String(items.length)}`,
    live?.queuePosition === undefined ? undefined : `position ${String(live.queuePosition)}`,
    attempts.length > 1 ? `attempt ${String(attempts.length)}` : undefined,
    reused ? '(reused)' : undefined,
    approval?.decision === undefined || approval.by === undefined ? undefined : `by ${approval.by}`,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}

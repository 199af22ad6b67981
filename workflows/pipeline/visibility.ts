import { log, patched, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import { withoutUndefined } from '../../domain/json.ts';
import { pipelineWorkflowType, searchAttributes } from '../../domain/names.ts';
import type {
  ItemState,
  PipelineMemo,
  PipelinePhase,
  PipelineState,
  StepFailure,
  StepPhase,
  StepState,
} from '../../domain/pipeline/pipeline-run.ts';
import { hasStepEnded } from '../../domain/pipeline/step-rules.ts';
import { cutText } from '../../domain/text.ts';
import { askForAttributes, believedForMs } from '../known-attributes.ts';
import { labelAttributes } from '../labels.ts';
import { boundState } from './bounds.ts';
import { toldPaceOf } from './breath.ts';
import type { AttributePair, Pipeline } from './memory.ts';

const showEveryMs = 20_000;
const maxWarnings = 50;
const maxWarningChars = 1_000;

/** The only way into a phase of the pipeline. */
export function enterPipelinePhase(pipeline: Pipeline, phase: PipelinePhase): void {
  move(pipeline.state, phase);
  if (phase === 'stopping' && isShownAtOnce(pipeline)) showNow(pipeline);
  else show(pipeline);
  if (pipeline.checked?.showsPhase && !pipeline.hasEnded) showAttributes(pipeline, [phaseAttribute(phase)]);
}

/** The only way into a phase of a step or an item. */
export function enterStepPhase(
  pipeline: Pipeline,
  target: StepState | ItemState,
  phase: StepPhase,
  failure?: StepFailure,
): void {
  const isDecided = target.phase === 'awaiting_decision';
  move(target, phase);
  if (failure) target.failure = failure;
  // A person may take days, so a step that asks for one must be found in lists at once, and one that was decided must
  // no longer be.
  if (hasStepEnded(target)) noteEnd(pipeline, target);
  if ((isDecided || phase === 'awaiting_decision') && isShownAtOnce(pipeline)) showNow(pipeline);
  else show(pipeline);
}

/** `patched`, called for the first time after a local activity, may return something else in a replay. */
function isShownAtOnce({ checked }: Pipeline): boolean {
  return checked?.isSteady === true || patched('what-stands-still-is-shown');
}

function move<Phase>(target: { phase: Phase }, phase: Phase): void {
  target.phase = phase;
}

export function warn({ state }: Pipeline, ...texts: string[]): void {
  for (const text of texts) {
    const warning = cutText(text, maxWarningChars);
    if (!state.warnings.includes(warning) && state.warnings.length < maxWarnings) state.warnings.push(warning);
  }
}

/**
 * The answer of query `state`. Adds what each step waits for; if it grows too large, outputs of items are left out
 * first.
 */
export function tellState({ state, checked }: Pipeline): PipelineState {
  const ended = new Set(state.steps.filter(hasStepEnded).map(({ id }) => id));
  const steps = state.steps.map((step) => {
    if (step.phase !== 'waiting') return step;
    const sources = checked?.steps.find(({ id }) => id === step.id)?.steps ?? [];
    return { ...step, waitsFor: sources.filter((id) => !ended.has(id)) };
  });
  return boundState({ ...state, steps });
}

/** Writes the short form of the state to the memo, where lists look, from time to time while the pipeline runs. */
function show(pipeline: Pipeline): void {
  const { checked, state, shownAt } = pipeline;
  if (checked?.isSteady && pipeline.hasKeptTasksOpen) {
    if (isShowDue(pipeline)) showNow(pipeline);
    return;
  }
  // Each is an event, so they become rarer the longer the pipeline runs; a week has no more than eighty.
  const ageMs = checked?.isSparing ? Date.now() - Date.parse(state.startedAt) : 0;
  if (Date.now() - shownAt < Math.max(showEveryMs, ageMs / 8)) return;
  showNow(pipeline);
}

function noteEnd(pipeline: Pipeline, target: StepState | ItemState): void {
  const { ends } = pipeline;
  pipeline.progress = 'made';
  ends.all += 1;
  ends.notShown += 1;
  if ('id' in target) ends.isStepNotShown = true;
}

/**
 * Whether to write the memo, by the times in the results, since the clock may differ in a replay. Always after the end
 * of a step.
 */
function isShowDue(pipeline: Pipeline): boolean {
  const { all, notShown, isStepNotShown } = pipeline.ends;
  return isStepNotShown || (notShown * toldPaceOf(pipeline) >= showEveryMs && notShown >= all / 8);
}

function showNow(pipeline: Pipeline): void {
  const { state } = pipeline;
  pipeline.shownAt = Date.now();
  Object.assign(pipeline.ends, { notShown: 0, isStepNotShown: false });
  const steps = Object.fromEntries(state.steps.map(({ id, phase }) => [id, phase]));
  const { phase, costUsd, presumedUsd } = state;
  const memo: PipelineMemo = { phase, costUsd, ...withoutUndefined({ presumedUsd }), steps };
  upsertMemo({ [pipelineWorkflowType]: memo });
}

/** Publishes how the pipeline ended, once. */
export function showEnd(pipeline: Pipeline): void {
  const { state } = pipeline;
  showNow(pipeline);
  const cost = { key: { name: 'RunComfyCostUsd', type: 'DOUBLE' as const }, value: state.costUsd };
  showAttributes(pipeline, [phaseAttribute(state.phase), cost, ...labelAttributes()]);
  log.info('pipeline ended', { phase: state.phase, costUsd: state.costUsd, failure: state.failure?.type });
}

function phaseAttribute(phase: PipelinePhase) {
  return { key: { name: 'RunComfyPhase', type: 'KEYWORD' as const }, value: phase };
}

/** Records which search attributes the server knows, and when it was asked, epoch ms. */
export function noteSearchAttributes({ attributes }: Pipeline, known: string[] = [], askedAt: number): void {
  attributes.known = known;
  attributes.askedAt = askedAt;
}

/** Sets these search attributes, as far as the server knows them. */
function showAttributes(pipeline: Pipeline, pairs: readonly AttributePair[]): void {
  const { attributes } = pipeline;
  for (const pair of pairs) attributes.toSet.set(pair.key.name, pair);
  if (attributes.isAsking) return;
  if (mustAsk(pipeline)) void askAndSet(pipeline);
  else setKnown(pipeline);
}

function mustAsk({ attributes, checked, hasKeptTasksOpen }: Pipeline): boolean {
  const { known, askedAt = 0, toSet } = attributes;
  if (!known.some((name) => toSet.has(name))) return false;
  // Once tasks were kept open, the clock may differ in a replay.
  if (!hasKeptTasksOpen && Date.now() - askedAt <= believedForMs) return false;
  // `patched` must not be called where this may follow from a local activity.
  return (checked === undefined || checked.isSteady === true) && patched('search-attributes-are-asked-for-anew');
}

async function askAndSet(pipeline: Pipeline): Promise<void> {
  const { attributes } = pipeline;
  attributes.isAsking = true;
  const askedAt = Date.now();
  const known = await askForAttributes();
  attributes.isAsking = false;
  if (known) {
    noteSearchAttributes(pipeline, known, askedAt);
    setKnown(pipeline);
  } else attributes.toSet.clear();
}

function setKnown({ attributes: { known, toSet } }: Pipeline): void {
  const pairs = [...toSet.values()].filter(
    ({ key: { name } }) => known.includes(name) && Object.hasOwn(searchAttributes, name),
  );
  toSet.clear();
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}

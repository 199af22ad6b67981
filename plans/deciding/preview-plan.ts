import { withoutUndefined } from '../../domain/json.ts';
import type { PreparedOrder, StepAnswer, StepQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import type { ItemState, PipelineRequest, StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import type { PlanModelStep } from '../../domain/pipeline/pipeline.ts';
import { questionOf } from '../../domain/pipeline/step-question.ts';
import { phaseOfItems, skipBecauseOf } from '../../domain/pipeline/step-rules.ts';
import type { CheckedPlan } from '../check-plan.ts';
import { paramsOf, sourcesOf } from '../graph.ts';
import { createModelLookup } from '../model-facts.ts';
import { decideStep } from './decide-step.ts';
import { askFor } from './preview-approval.ts';
import type { PlanPreview, PreviewParts, Walk } from './preview-walk.ts';
import { priceOfDraft, settleOrder } from './settle-order.ts';
import { awaitedBy, outputToCome, standInOf } from './stand-ins.ts';
import { whatChanged } from './what-changed.ts';

/** The run that a preview is of. */
export interface PreviewedRun {
  key: string;
  request: Pick<PipelineRequest, 'lineage' | 'orderAgain'>;
  /** When it started, ISO 8601, if it has: what has failed since then is not ordered again. */
  startedAt?: string;
}

/**
 * Walks through a plan as a run would, with the run's own decisions, and orders nothing. The output of an order that is
 * still to be made is represented by stand-ins; an order whose input has a stand-in cannot have been made before.
 */
export async function previewPlan(parts: PreviewParts, checked: CheckedPlan, run: PreviewedRun): Promise<PlanPreview> {
  const walk: Walk = { parts, checked, states: new Map(), open: new Map(), orders: [], steps: [], warnings: [] };
  const { plan, params } = checked;
  for (const id of checked.sortedSteps) {
    const step = plan.steps[id];
    if (step === undefined) continue;
    const sources = { id, steps: sourcesOf(plan, id), params: paramsOf(plan, id) };
    const stateOf = (source: string) => walk.states.get(source) ?? { id: source, phase: 'not_started' };
    const blocked = sources.steps.find((source) => isFatal(walk, source));
    const skipped =
      blocked === undefined
        ? skipBecauseOf(sources.steps.map(stateOf), step.runsWhen)
        : `not started: step ${blocked} fails`;
    if (skipped !== undefined) {
      walk.states.set(id, { id, phase: blocked === undefined ? 'skipped' : 'not_started' });
      walk.steps.push({ step: id, decision: 'skip', reason: skipped });
      continue;
    }
    const question = questionOf({ step, sources, plan, params, ...run, stateOf });
    const awaited = sources.steps.find((source) => walk.open.has(source));
    if (step.kind === 'approval') await askFor(walk, question, step, awaited);
    else await previewOrders(walk, question, step, awaited);
  }
  const { orders, steps, warnings } = walk;
  return { orders, steps, warnings };
}

/**
 * Whether nothing after a step is started: it fails and has `onFailure: fail`, or was not started for such a reason
 * itself.
 */
function isFatal({ states, checked }: Walk, id: string): boolean {
  const phase = states.get(id)?.phase;
  return phase === 'not_started' || (phase === 'failed' && checked.plan.steps[id]?.onFailure === 'fail');
}

async function previewOrders(
  walk: Walk,
  question: StepQuestion,
  plan: PlanModelStep,
  awaited: string | undefined,
): Promise<void> {
  const { id } = question;
  const { orders, total, end } = await decideAll(walk, question, awaited);
  if (end !== undefined) {
    endUnordered(walk, question, plan, { awaited, end });
    return;
  }
  const items: ItemState[] = Array.from({ length: total }, (_, index): ItemState => ({ index, phase: 'waiting' }));
  for (const first of orders) {
    const order = await orFallback(walk, question, plan, first);
    const target = items[order.index];
    if (target) Object.assign(target, await previewOrder(walk, id, plan, order));
  }
  const [only] = items;
  if (plan.forEach !== undefined) walk.states.set(id, { id, phase: phaseOfItems(items), items });
  else if (only) walk.states.set(id, { ...only, id });
}

/** All orders of a step, collected from as many answers as it takes. */
async function decideAll(walk: Walk, question: StepQuestion, awaited: string | undefined) {
  const orders: PreparedOrder[] = [];
  let total = 0;
  for (let more: Pick<StepQuestion, 'from' | 'digests'> | undefined = {}; more !== undefined;) {
    const { step } = question;
    // The `if` cannot be evaluated before its source has ended.
    const asked = awaited === undefined || step.if === undefined ? step : { ...step };
    if (asked !== step) {
      delete asked.if;
      if (more.from === undefined) walk.warnings.push(`step ${question.id}: its if is assumed to be true`);
    }
    const answer: StepAnswer = await decideStep(walk.parts, { ...question, step: asked, ...more }, settleKnown(walk));
    if (answer.kind !== 'orders') return { orders, total, end: answer };
    orders.push(...answer.orders);
    total = answer.total;
    more = answer.next === undefined ? undefined : withoutUndefined({ from: answer.next, digests: answer.digests });
  }
  return { orders, total, end: undefined };
}

/** Settles orders as a run does; one whose input depends on an output not made yet has no key to look up. */
function settleKnown(walk: Walk): typeof settleOrder {
  return async (parts, lookup, question, draft) => {
    const source = 'failure' in draft ? undefined : awaitedBy(draft.input);
    const open = question.values.steps.map((source) => source.id).find((source) => walk.open.has(source));
    if ('failure' in draft) {
      if (open === undefined || question.step.kind === 'approval') return settleOrder(parts, lookup, question, draft);
      const { model } = question.step.order;
      return {
        index: draft.index,
        kind: 'order',
        key: '',
        model,
        input: {},
        copy: 1,
        reason: walk.open.get(open) ?? '',
      };
    }
    if (source === undefined) return settleOrder(parts, lookup, question, draft);
    const { index, model, input, copy } = draft;
    const priceUsd = await priceOfDraft(lookup, draft);
    const reason = walk.open.get(source) ?? `source ${source} will be ordered`;
    return { index, kind: 'order', key: '', model, input, copy, reason, ...withoutUndefined({ priceUsd }) };
  };
}

/** If an order cannot be made at all, goes on with the fallbacks as a run does. */
async function orFallback(
  walk: Walk,
  question: StepQuestion,
  { fallback }: PlanModelStep,
  first: PreparedOrder,
): Promise<PreparedOrder> {
  let order = first;
  for (let rank = 1; order.kind === 'failed' && rank <= fallback.length; rank += 1) {
    const further = { index: first.index, rank, usedKeys: [], copy: 1 };
    const answer = await decideStep(walk.parts, { ...question, further }, settleKnown(walk));
    if (answer.kind === 'orders' && answer.orders[0]) [order] = answer.orders;
  }
  return order;
}

/** Records one order, and returns the state of its item afterwards. */
async function previewOrder(
  walk: Walk,
  id: string,
  plan: PlanModelStep,
  order: PreparedOrder,
): Promise<Omit<ItemState, 'index'>> {
  const where = { step: id, ...(plan.forEach !== undefined && { index: order.index }) };
  if (order.kind === 'failed') {
    const { failure } = order;
    walk.orders.push({ ...where, decision: 'fail', reason: `${failure.type}: ${failure.message}`, priceUsd: 0 });
    return fail(walk, id, plan, failure);
  }
  const { key, model } = order;
  if (order.kind === 'reuse') {
    const { output, requestId, costUsd } = order.result;
    walk.orders.push({ ...where, decision: 'reuse', model, key, priceUsd: 0 });
    return { phase: 'succeeded', key, model, requestId, output, ...withoutUndefined({ costUsd }) };
  }
  if (order.kind === 'attach' && order.reason === 'failed before') {
    walk.orders.push({ ...where, decision: 'attach', reason: order.reason, model, key, priceUsd: 0 });
    return fail(walk, id, plan, { type: 'GenerationFailed', message: order.reason });
  }
  const isOrder = order.kind === 'order';
  const reason = isOrder ? await whyOrdered(walk, id, order) : (order.reason ?? 'it runs already');
  const priceUsd = isOrder ? (order.priceUsd ?? null) : 0;
  const known = { ...withoutUndefined({ key: key === '' ? undefined : key }), model };
  walk.orders.push({ ...where, decision: order.kind, reason, ...known, priceUsd });
  walk.open.set(id, isOrder ? `source ${id} will be ordered` : `source ${id} runs`);
  const facts = await createModelLookup(walk.parts.lookup).facts(model);
  const output = outputToCome({ step: id, index: order.index, model, facts }, isOrder ? order.input : {});
  return { phase: 'succeeded', requestId: standInOf(id, order.index, 0), output, ...known };
}

function fail(walk: Walk, id: string, { onFailure }: PlanModelStep, failure: StepFailure): Omit<ItemState, 'index'> {
  const warning = `step ${id} fails, and nothing new is started then: what does not follow it may not be ordered`;
  if (onFailure === 'fail' && !walk.warnings.includes(warning)) walk.warnings.push(warning);
  return { phase: 'failed', failure };
}

/** Why an order is made: what has changed since the key's last run, if that made an order in the same place. */
async function whyOrdered(
  { parts }: Walk,
  id: string,
  { index, reason = 'new', key, model, input }: Extract<PreparedOrder, { kind: 'order' }>,
): Promise<string> {
  if (reason !== 'new') return reason;
  const step = parts.earlier.find((each) => each.id === id);
  const before = step?.items?.find((item) => item.index === index) ?? (step?.items ? undefined : step);
  const earlierKey = before?.attempts?.[0]?.key ?? before?.key;
  if (earlierKey === undefined) return reason;
  const earlier = earlierKey === key ? undefined : await parts.readOrder(earlierKey);
  return earlier === undefined ? 'no longer known' : whatChanged(earlier, { model, input });
}

/** Records a step without orders: it is skipped or refused, or depends on something that is not made yet. */
function endUnordered(
  walk: Walk,
  { id }: StepQuestion,
  plan: PlanModelStep,
  { awaited, end }: { awaited: string | undefined; end: Exclude<StepAnswer, { kind: 'orders' }> },
): void {
  if (end.kind === 'skip') {
    walk.steps.push({ step: id, decision: 'skip', reason: end.reason });
    walk.states.set(id, { id, phase: 'skipped' });
    return;
  }
  if (end.kind === 'failed' && awaited === undefined) {
    const { type, message } = end.failure;
    walk.steps.push({ step: id, decision: 'fail', reason: `${type}: ${message}` });
    walk.states.set(id, { ...fail(walk, id, plan, end.failure), id });
    return;
  }
  const reason = walk.open.get(awaited ?? '') ?? 'not known yet';
  walk.orders.push({ step: id, decision: 'order', reason, priceUsd: null });
  walk.open.set(id, `source ${id} will be ordered`);
  walk.states.set(id, { id, phase: 'succeeded' });
}

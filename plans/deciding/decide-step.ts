import { jsonBytes, jsonPath } from '../../domain/json.ts';
import type { PreparedOrder, StepAnswer, StepQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import { type PlanApprovalStep, planLimits, type PlanModelStep } from '../../domain/pipeline/pipeline.ts';
import { evaluateBare, evaluateValue, ExpressionError, type Values } from '../evaluate.ts';
import { fieldsAskedBy } from '../expressions/expression.ts';
import { parseBareExpression } from '../expressions/template.ts';
import { createModelLookup } from '../model-facts.ts';
import { orMadeInstead } from './made-instead.ts';
import type { DecidingParts } from './parts.ts';
import { createFallbackDrafts, draftOrder, nextCopy, type OrderDraft, settleOrder } from './settle-order.ts';
import { expressionFailure, toValues } from './step-values.ts';

/**
 * Longest answer, in bytes: answers are stored in the workflow's history, so what exceeds this is left for a further
 * question.
 */
const maxAnswerBytes = 256 * 1024;
const keysAtOnce = 20;

/**
 * Evaluates a step's expressions, prices its orders, and looks up what is known of their keys. Orders nothing. `settle`
 * turns each draft into an order; a preview passes its own, for drafts that cannot be known yet.
 */
export async function decideStep(
  parts: DecidingParts,
  question: StepQuestion,
  settle: typeof settleOrder = settleOrder,
): Promise<StepAnswer> {
  try {
    return await decide(parts, question, settle);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { kind: 'failed', failure: expressionFailure(error, question.values) };
  }
}

async function decide(parts: DecidingParts, question: StepQuestion, settle: typeof settleOrder): Promise<StepAnswer> {
  const { id, step, from = 0, further } = question;
  const values = toValues(question.values);
  const path = jsonPath('$.steps', id);
  if (step.if !== undefined && from === 0 && further === undefined) {
    const isWanted = evaluateBare(step.if, values, `${path}.if`);
    if (typeof isWanted !== 'boolean') throw new ExpressionError(`${path}.if`, `${step.if} is neither true nor false`);
    if (!isWanted) return { kind: 'skip', reason: 'its if is false' };
  }
  if (step.kind === 'approval') {
    if (step.choose === undefined) return { kind: 'choose' };
    const choices = readChoices(step.choose, values, path);
    return choices.length < step.count ? tooFew(step, choices, path) : { kind: 'choose', choices };
  }
  const items = itemsOf(step, values, path);
  const total = items?.length ?? 1;
  const lookup = createModelLookup(parts.lookup);
  const valuesOf = (index: number): Values => (items ? { ...values, item: items[index], index } : values);
  const draftFallback = createFallbackDrafts(question, step, total, valuesOf);
  if (further) {
    const { index, rank, usedKeys, copy } = further;
    const which = { index, rank, usedKeys, copyOf: () => copy };
    const draft = rank > 0 ? draftFallback(further) : draftOrder(question, step, valuesOf(index), which);
    return { kind: 'orders', total, orders: [await settle(parts, lookup, question, draft)] };
  }
  const settleFirst = async (draft: OrderDraft) =>
    orMadeInstead(
      await settle(parts, lookup, question, draft),
      { fallbacks: step.fallback.length, attempts: step.attempts },
      // Prices are not needed to tell whether a fallback was made before.
      (rank) => settle(parts, lookup, { ...question, needsPrices: false }, draftFallback({ index: draft.index, rank })),
    );
  const orders: PreparedOrder[] = [];
  let digests = { ...question.digests };
  let left = maxAnswerBytes;
  for (let next = from; next < total;) {
    const drafts: { draft: OrderDraft; counted: Record<string, number> }[] = [];
    let index = next;
    let leftByInputs = left;
    do {
      const counted = { ...(drafts.at(-1)?.counted ?? digests) };
      const copyOf = (digest: string) => nextCopy(digest, counted);
      const draft = draftOrder(question, step, valuesOf(index), { index, rank: 0, copyOf });
      leftByInputs -= 'input' in draft ? jsonBytes(draft.input) + 400 : 400;
      drafts.push({ draft, counted });
      index += 1;
    } while (index < total && drafts.length < keysAtOnce && leftByInputs > 0);
    const settled = await Promise.all(drafts.map(async (each) => ({ ...each, order: await settleFirst(each.draft) })));
    // The size of results that are reused is known only now.
    for (const { order, counted } of settled) {
      left -= jsonBytes(order);
      if (left < 0 && orders.length > 0) return { kind: 'orders', total, orders, next, digests };
      orders.push(order);
      digests = counted;
      next += 1;
    }
  }
  return { kind: 'orders', total, orders };
}

/** The failure of an approval that offers fewer choices than are to be chosen, so that nobody could decide it. */
function tooFew({ choose, count }: PlanApprovalStep, choices: string[], path: string): StepAnswer {
  const at = `${path}.approval.count`;
  const parsed = typeof choose === 'string' ? parseBareExpression(choose) : undefined;
  const parts = parsed?.ok ? parsed.parts : [];
  const [source] = parts.flatMap((part) => ('text' in part ? [] : fieldsAskedBy(part.expression)));
  const message = `${String(count)} are to be chosen, and there ${choices.length === 1 ? 'is' : 'are'} ${String(choices.length)}`;
  return {
    kind: 'failed',
    failure: {
      type: 'OutputMissing',
      message: `${at}: ${message}`,
      submission: 'not_sent',
      ...(source && { step: source.step }),
      issues: [{ path: at, message }],
    },
  };
}

function readChoices(choose: unknown, values: Values, path: string): string[] {
  const at = `${path}.approval.choose`;
  const choices = evaluateValue(choose, values, at);
  const isList = Array.isArray(choices) && choices.every((choice) => typeof choice === 'string');
  if (!isList) throw new ExpressionError(at, 'what is to be chosen from is no list of texts');
  if (choices.length === 0)
    throw new ExpressionError(at, 'there is nothing to choose from', { expression: String(choose) });
  return choices;
}

/** The items of a `forEach`; undefined without one. */
function itemsOf({ forEach }: PlanModelStep, values: Values, path: string): unknown[] | undefined {
  if (forEach === undefined) return undefined;
  const at = `${path}.forEach`;
  const items = typeof forEach === 'string' ? evaluateBare(forEach, values, at) : evaluateValue(forEach, values, at);
  if (!Array.isArray(items)) throw new ExpressionError(at, 'what it goes over is no list');
  if (items.length <= planLimits.forEachItems) return items as unknown[];
  throw new ExpressionError(
    at,
    `${String(items.length)} items, and a step may have ${String(planLimits.forEachItems)}; more make a batch of pipelines`,
  );
}

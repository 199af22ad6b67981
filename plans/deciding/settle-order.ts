import type { WallPolicy } from '../../domain/generation.ts';
import { boundIssues, issuesSentence } from '../../domain/issues.ts';
import { isJsonObject, jsonPath, withoutUndefined } from '../../domain/json.ts';
import type { PreparedOrder, StepQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import type { PlanModelStep } from '../../domain/pipeline/pipeline.ts';
import { findUnsendable, isModelId } from '../../domain/request.ts';
import { priceOf } from '../../runcomfy/models/index.ts';
import { orderDigest } from '../digest.ts';
import { evaluateValue, ExpressionError, type Values } from '../evaluate.ts';
import { isWorthAskingAgain, type ModelLookup } from '../model-facts.ts';
import type { DecidingParts } from './parts.ts';
import { settleKey } from './settle-key.ts';
import { expressionFailure } from './step-values.ts';

/** An order with its expressions evaluated, or why they could not be. */
export type OrderDraft =
  | { index: number; failure: StepFailure }
  | {
      index: number;
      model: string;
      input: Record<string, unknown>;
      copy: number;
      key: string;
      usedKeys: readonly string[];
      maxPriceUsd: number | undefined;
      onWall: WallPolicy | undefined;
    };

export interface WhichOrder {
  index: number;
  /** 0 is the step's own order, 1 its first fallback. */
  rank: number;
  usedKeys?: readonly string[];
  /** The number of this order among equal orders of the step, from 1. */
  copyOf: (digest: string) => number;
}

/** Evaluates the model and the input of one order, and derives its key from them. */
export function draftOrder(
  { id, lineage, values: given }: StepQuestion,
  step: PlanModelStep,
  values: Values,
  { index, rank, usedKeys = [], copyOf }: WhichOrder,
): OrderDraft {
  const step0 = jsonPath('$.steps', id);
  const path = rank === 0 ? step0 : jsonPath(`${step0}.onFailure.fallback`, rank - 1);
  const order = rank === 0 ? step.order : step.fallback[rank - 1];
  try {
    if (order === undefined) throw new ExpressionError(path, 'there is no such fallback');
    const model = evaluateValue(order.model, values, `${path}.model`);
    if (!isModelId(model)) throw new ExpressionError(`${path}.model`, 'is no RunComfy model id');
    const input = evaluateValue(order.input, values, `${path}.input`);
    if (!isJsonObject(input)) throw new ExpressionError(`${path}.input`, 'is no object');
    const digest = orderDigest({ model, input, take: order.take ?? 1 });
    const copy = copyOf(digest);
    const key = `${lineage}/${id}@${digest}${copy === 1 ? '' : `.${String(copy)}`}`;
    return { index, model, input, copy, key, usedKeys, maxPriceUsd: order.maxPriceUsd, onWall: order.onWall };
  } catch (error) {
    if (error instanceof ExpressionError) return { index, failure: expressionFailure(error, given) };
    throw error;
  }
}

/**
 * Makes a function that drafts fallbacks, of any item and rank. A fallback that equals another order of its own item is
 * a further attempt of that order. Otherwise equal orders are numbered in this sequence: the own orders of all items,
 * then the fallbacks rank by rank, each in item order.
 */
export function createFallbackDrafts(
  question: StepQuestion,
  step: PlanModelStep,
  total: number,
  valuesOf: (index: number) => Values,
): (which: Pick<WhichOrder, 'index' | 'rank' | 'usedKeys'>) => OrderDraft {
  const digests: Record<string, number> = {};
  const copies = Array.from({ length: total }, () => new Map<string, number>());
  const drafts: OrderDraft[] = [];
  const draftNext = () => {
    const [index, rank] = [drafts.length % total, Math.floor(drafts.length / total)];
    const own = copies[index];
    const copyOf = (digest: string) => {
      const copy = (rank > 0 ? own?.get(digest) : undefined) ?? nextCopy(digest, digests);
      own?.set(digest, copy);
      return copy;
    };
    const draft = draftOrder(question, step, valuesOf(index), { index, rank, copyOf });
    drafts.push(draft);
    return draft;
  };
  return ({ index, rank, usedKeys = [] }) => {
    const at = rank * total + index;
    while (drafts.length < at) draftNext();
    const draft = drafts[at] ?? draftNext();
    return 'failure' in draft ? draft : { ...draft, usedKeys };
  };
}

/**
 * The next number for an order with this digest: equal orders of a step are separate orders, numbered in item order.
 */
export function nextCopy(digest: string, digests: Record<string, number>): number {
  const copy = (digests[digest] ?? 0) + 1;
  digests[digest] = copy;
  return copy;
}

/** Checks and prices an order, and looks up what is known of its key. */
export async function settleOrder(
  parts: DecidingParts,
  lookup: ModelLookup,
  { id, orderAgain = false, startedAt, step, needsPrices = false, onWall }: StepQuestion,
  draft: OrderDraft,
): Promise<PreparedOrder> {
  if ('failure' in draft) return { index: draft.index, kind: 'failed', failure: draft.failure };
  const { index, model, input, copy, usedKeys } = draft;
  const since = startedAt === undefined ? {} : { since: new Date(startedAt) };
  const settled = await settleKey(parts, draft.key, { usedKeys, orderAgain, ...since });
  if (settled.kind === 'foreign') return failed(index, 'InvalidInput', settled.message);
  const known = { index, key: settled.key, model, copy };
  if (settled.kind === 'reuse') {
    const { requestId, output, costUsd } = settled.result;
    return { ...known, kind: 'reuse', result: { requestId, output, ...withoutUndefined({ costUsd }) } };
  }
  const attempts = step.kind === 'model' ? step.attempts : 1;
  const facts = { ...known, ...(settled.tries && { tries: Math.min(settled.tries, attempts - 1) }) };
  if (settled.kind === 'attach') return { ...facts, kind: 'attach', reason: settled.reason };
  const issues = [...findUnsendable(input), ...(await parts.validator.validate(model, input)).issues];
  if (issues.length > 0) {
    const message = `the input of step ${id} does not fit ${model}, nothing was sent: ${issuesSentence(issues)}`;
    return { index, kind: 'failed', failure: { ...failure('InvalidInput', message), issues: boundIssues(issues) } };
  }
  const priceUsd = await priceOfDraft(lookup, draft);
  const entry = await lookup.facts(model);
  if (priceUsd === undefined && needsPrices && 'failure' in entry && entry.isAway) {
    const message = `what ${model} costs cannot be told: ${entry.failure}`;
    if (isWorthAskingAgain(entry, draft.onWall ?? onWall)) throw new Error(message);
    return failed(index, 'Unauthenticated', `nothing was sent: ${message}`);
  }
  const { reason, retryOfRunId } = settled;
  return { ...facts, kind: 'order', input, reason, ...withoutUndefined({ priceUsd, retryOfRunId }) };
}

/** The expected cost of a draft, as far as its input tells. */
export async function priceOfDraft(
  lookup: ModelLookup,
  { model, input, maxPriceUsd }: Exclude<OrderDraft, { failure: unknown }>,
): Promise<number | undefined> {
  const known = await lookup.facts(model);
  return ('entry' in known ? priceOf(known.entry, input) : undefined) ?? maxPriceUsd;
}

function failed(index: number, type: StepFailure['type'], message: string): PreparedOrder {
  return { index, kind: 'failed', failure: failure(type, message) };
}

function failure(type: StepFailure['type'], message: string): StepFailure {
  return { type, message, submission: 'not_sent' };
}

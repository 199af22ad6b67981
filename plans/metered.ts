import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './expression.ts';

/** What may be looked at and made for one value of a plan: a value counts one, a text by its length. */
const maxWork = 1_000_000;
const workPerNode = 8;
const charactersPerValue = 16;

type Evaluate = (this: unknown, evaluator: unknown, node: unknown, context: unknown) => unknown;
type EvaluatedNode = ASTNode & { evaluate: Evaluate };

/** What is left of the work that expressions may take together. */
export interface Work {
  left: number;
}

/** The work that may go into one value of a plan. */
export function someWork(): Work {
  return { left: maxWork };
}

/**
 * Has an expression that was just parsed stop with a `RangeError` before it takes long: lists may be doubled again and
 * again, or be searched for each value of another one, in a few characters. Counted, so that it ends alike on any machine.
 */
export function meter(root: ASTNode, work: Work): void {
  const visit = (node: ASTNode, isLookedInto: boolean) => {
    const children = childrenOf(node);
    // Of `steps.a.image` only the image is looked at.
    const into = isSelection(node) ? children[0] : undefined;
    for (const child of children) visit(child, child === into);
    meterNode(node as EvaluatedNode, work, isLookedInto);
  };
  visit(root, false);
}

function isSelection({ op }: ASTNode): boolean {
  return op === '.' || op === '.?' || op === '[]' || op === '[?]';
}

/** A node puts another way to evaluate it in the place of the first one, once it knows what it stands for. */
function meterNode(node: EvaluatedNode, work: Work, isLookedInto: boolean): void {
  let evaluate = node.evaluate;
  const metered: Evaluate = (evaluator, itself, context) => {
    spend(work, workPerNode);
    const value = evaluate.call(node, evaluator, itself, context);
    if (!isLookedInto) weigh(value, work);
    return value;
  };
  Object.defineProperty(node, 'evaluate', {
    get: () => metered,
    set: (settled: Evaluate) => {
      evaluate = settled;
    },
  });
}

/** At every depth: what stands in a value at many places is looked at as often by whoever compares or tells it. */
function weigh(value: unknown, work: Work): void {
  spend(work, typeof value === 'string' ? 1 + value.length / charactersPerValue : 1);
  if (typeof value !== 'object' || value === null) return;
  const parts = value instanceof Map ? value.values() : Array.isArray(value) ? value : Object.values(value);
  for (const part of parts) weigh(part, work);
}

function spend(work: Work, amount: number): void {
  work.left -= amount;
  if (work.left < 0) throw new RangeError('takes too long: let it go over fewer or shorter values');
}

import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './expressions/expression.ts';

/**
 * Limit of the work for one value of a plan: each value that is touched costs 1, a text more by its length. It allows
 * searching the images of one half of the largest pipeline for those of the other half, and takes half a second at
 * worst.
 */
const maxWork = 3_000_000;
const workPerNode = 8;
const charactersPerValue = 16;
/** Comparing texts is cheaper, as they are not copied and usually differ early or in length. */
const comparedCharactersPerValue = 512;
/** A search compares, at worst, each character of a text with each of what is searched for; this many pairs cost 1. */
const searchedPairsPerValue = 256;

const searches: ReadonlySet<string> = new Set(['contains', 'indexOf', 'lastIndexOf', 'split']);

/** Spends the cost of using a value. */
type Take = (value: unknown) => void;
type Evaluate = (this: unknown, evaluator: unknown, node: unknown, context: unknown) => unknown;
type EvaluatedNode = ASTNode & { evaluate: Evaluate };

/** The work that is left for expressions that share a limit. */
export interface Work {
  left: number;
}

/** The full amount of work for one value of a plan. */
export function someWork(): Work {
  return { left: maxWork };
}

/**
 * Makes a parsed expression stop with a `RangeError` before it takes long: a few characters are enough to double a list
 * again and again, or to search it for each value of another. The limit counts work instead of time, so that it is the
 * same on any machine.
 */
export function meter(root: ASTNode, work: Work): void {
  const whole: Take = (value) => {
    weigh(value, work);
  };
  const visit = (node: ASTNode, take: Take) => {
    const takes = takesOf(node, work);
    for (const [at, child] of childrenOf(node).entries()) visit(child, takes[at] ?? whole);
    meterNode(node as EvaluatedNode, work, take);
  };
  visit(root, whole);
}

/** The costs of a node's children that are not charged their whole size. */
function takesOf(node: ASTNode, work: Work): Take[] {
  // A selection such as `steps.a.image` touches only the selected field.
  if (isSelection(node)) return [() => undefined];
  if (node.op === 'in' || node.op === '==' || node.op === '!=') {
    const compare: Take = (value) => {
      weigh(value, work, comparedCharactersPerValue);
    };
    return [compare, compare];
  }
  const [name] = node.op === 'call' || node.op === 'rcall' ? node.args : [];
  if (name === undefined || !(name === 'join' || searches.has(name))) return [];
  // Charged before the operation: a single search may take minutes, and a joined text may exceed the memory.
  const perValue = name === 'join' ? charactersPerValue : searchedPairsPerValue;
  const lengths: (number | undefined)[] = [];
  return [0, 1].map((at) => (value) => {
    weigh(value, work);
    lengths[at] = lengthOf(value);
    const [text, other] = lengths;
    if (text === undefined || other === undefined) return;
    lengths.length = 0;
    spend(work, (text * other) / perValue);
  });
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || Array.isArray(value) ? value.length : 0;
}

function isSelection({ op }: ASTNode): boolean {
  return op === '.' || op === '.?' || op === '[]' || op === '[?]';
}

/**
 * Wraps the evaluation of a node. At its first evaluation the library replaces a node's `evaluate` by a specialized
 * one, which is wrapped as well.
 */
function meterNode(node: EvaluatedNode, work: Work, take: Take): void {
  let evaluate = node.evaluate;
  const metered: Evaluate = (evaluator, itself, context) => {
    spend(work, workPerNode);
    const value = evaluate.call(node, evaluator, itself, context);
    take(value);
    return value;
  };
  Object.defineProperty(node, 'evaluate', {
    get: () => metered,
    set: (settled: Evaluate) => {
      evaluate = settled;
    },
  });
}

/**
 * Charges a value at every depth. A part that occurs several times is charged each time, as comparing or converting it
 * visits it each time.
 */
function weigh(value: unknown, work: Work, perValue = charactersPerValue): void {
  spend(work, typeof value === 'string' ? 1 + value.length / perValue : 1);
  if (typeof value !== 'object' || value === null) return;
  const parts = value instanceof Map ? value.values() : Array.isArray(value) ? value : Object.values(value);
  for (const part of parts) weigh(part, work, perValue);
}

function spend(work: Work, amount: number): void {
  work.left -= amount;
  if (work.left < 0) throw new RangeError('takes too long: let it go over fewer or shorter values');
}

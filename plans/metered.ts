import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf } from './expression.ts';

/**
 * What may be looked at and made for one value of a plan: a value counts one, a text by its length. So much that the
 * images of one half of the largest pipeline may be looked for among those of the other, and at worst half a second.
 */
const maxWork = 3_000_000;
const workPerNode = 8;
const charactersPerValue = 16;
/** Texts that are compared are not copied, and differ by their lengths or soon. */
const comparedCharactersPerValue = 512;
/** Of a text and of what is looked for in it: at worst each character of one is compared with each of the other. */
const searchedPairsPerValue = 256;

const searches: ReadonlySet<string> = new Set(['contains', 'indexOf', 'lastIndexOf', 'split']);

/** Spends what it costs that a value is used. */
type Take = (value: unknown) => void;
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

/** What the values of a node's children cost, where that is not their whole weight. */
function takesOf(node: ASTNode, work: Work): Take[] {
  // Of `steps.a.image` only the image is looked at.
  if (isSelection(node)) return [() => undefined];
  if (node.op === 'in' || node.op === '==' || node.op === '!=') {
    const compare: Take = (value) => {
      weigh(value, work, comparedCharactersPerValue);
    };
    return [compare, compare];
  }
  const [name] = node.op === 'call' || node.op === 'rcall' ? node.args : [];
  if (name === undefined || !(name === 'join' || searches.has(name))) return [];
  // Before it is done: a single search may take minutes, and a joint of texts be longer than all memory.
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

/** A node puts another way to evaluate it in the place of the first one, once it knows what it stands for. */
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

/** At every depth: what stands in a value at many places is looked at as often by whoever compares or tells it. */
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

import type { EvaluationError } from '@marcbachmann/cel-js';

/** Messages of the expression library about missing values and types, and our wording of them. */
const sentences: [RegExp, (...found: string[]) => string][] = [
  [
    /^No such key: index out of bounds, index (-\d+) < 0/,
    (index) => `there is no index ${index}: counting begins at 0`,
  ],
  [
    /^No such key: index out of bounds, index (\d+) >= size (\w+)/,
    // The library reports no size for an empty list.
    (index, size) =>
      `there is nothing at index ${index}: ${size === '1' ? 'the list has 1 item' : Number(size) > 0 ? `the list has ${size} items` : 'the list is empty'}`,
  ],
  [/^No such key: (.*)/, (name) => `there is no "${name}" in it; has(…) tells whether there is`],
  [/^no such overload: (.*)/, (what) => `these types do not go together: ${withoutDyn(what)}`],
  [/^found no matching overload for '(.*)'/, (what) => `no function takes this: ${withoutDyn(what)}`],
  [/^(\w+)\(\) (?:type|conversion) error/, (name) => `${name}(…) cannot read the value`],
  [/^(?:division|modulo) by zero/, () => 'nothing can be divided by zero'],
  [/^integer overflow/, () => 'the number is beyond 64 bits'],
  [/^Ternary condition must be bool, got '(.*)'/, (type) => `what stands before "?" is no boolean but ${type}`],
  [/predicate must return bool, got '(.*)'/, (type) => `the condition gives no boolean but ${type}`],
  [/^Optional value is not present/, () => 'there is no such value; orValue(…) gives another'],
];

/** The library's message about an expression, in one line. */
export function libraryWords(error: unknown): string {
  const { summary, message } = error as Partial<EvaluationError>;
  return (summary ?? message ?? String(error)).split('\n')[0] ?? '';
}

/** Why an expression gave no value, in our own wording if there is one. */
export function evaluationWords(error: unknown): string {
  const words = libraryWords(error);
  for (const [pattern, sentence] of sentences) {
    const found = pattern.exec(words);
    if (found) return sentence(...found.slice(1));
  }
  return words;
}

/** Replaces `dyn<int>` by `int`: the value is an int, although the checker could not know that. */
function withoutDyn(types: string): string {
  return types.replaceAll(/dyn<(\w+)>/g, '$1');
}

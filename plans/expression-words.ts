import type { EvaluationError } from '@marcbachmann/cel-js';

/** What the expression language says of a value that there is not, and what we say instead. */
const sentences: [RegExp, (...found: string[]) => string][] = [
  [
    /^No such key: index out of bounds, index (-\d+) < 0/,
    (index) => `there is no index ${index}: counting begins at 0`,
  ],
  [
    /^No such key: index out of bounds, index (\d+) >= size (\w+)/,
    // An empty list has no size there.
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

/** What the library says of an expression, in one line. */
export function libraryWords(error: unknown): string {
  const { summary, message } = error as Partial<EvaluationError>;
  return (summary ?? message ?? String(error)).split('\n')[0] ?? '';
}

/** Why an expression gave no value, in a sentence of our own where there is one. */
export function evaluationWords(error: unknown): string {
  const words = libraryWords(error);
  for (const [pattern, sentence] of sentences) {
    const found = pattern.exec(words);
    if (found) return sentence(...found.slice(1));
  }
  return words;
}

/** `dyn<int>` is an int of which the checker could not know. */
function withoutDyn(types: string): string {
  return types.replaceAll(/dyn<(\w+)>/g, '$1');
}

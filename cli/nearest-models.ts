import { distance } from 'fastest-levenshtein';

const offered = 3;

/** The ids most similar to a wrong one, best first. Ranked by edit distance; an equal last segment counts in favour. */
export function nearestModels(id: string, known: readonly string[]): string[] {
  const lastOf = (name: string) => name.slice(name.lastIndexOf('/') + 1);
  const costOf = (name: string) => distance(id, name) - (lastOf(name) === lastOf(id) ? lastOf(id).length / 2 : 0);
  return [...new Set(known)].sort((a, b) => costOf(a) - costOf(b)).slice(0, offered);
}

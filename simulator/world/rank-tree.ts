/**
 * A Fenwick tree over the numbers 0, 1, 2, …: counts in logarithmic time how many marked ones are below a given one.
 */
export interface RankTree {
  /** Appends and marks the next number, and returns it. */
  append: () => number;
  unmark: (index: number) => void;
  /** Marked numbers below `index`. */
  countBelow: (index: number) => number;
}

export function createRankTree(): RankTree {
  const sums: number[] = [0];

  return {
    append() {
      const node = sums.length;
      let sum = 1;
      for (let step = 1; (node & step) === 0; step <<= 1) sum += sums[node - step] ?? 0;
      sums.push(sum);
      return node - 1;
    },
    unmark(index) {
      for (let node = index + 1; node < sums.length; node += node & -node) sums[node] = (sums[node] ?? 0) - 1;
    },
    countBelow(index) {
      let count = 0;
      for (let node = index; node > 0; node -= node & -node) count += sums[node] ?? 0;
      return count;
    },
  };
}

import type { Random } from '../../../simulator/world/random.ts';

/** The true distribution of the duration of one kind of work, in seconds. */
export interface Truth {
  cdf: (seconds: number) => number;
  draw: (random: Random) => number;
  from: number;
  to: number;
}

/** All durations between the two are equally likely. */
export function uniform(from: number, to: number): Truth {
  const cdf = (seconds: number) => Math.min(1, Math.max(0, (seconds - from) / (to - from)));
  return { cdf, draw: (random) => from + (to - from) * random(), from: from * 0.999, to };
}

/** Durations around a median, as is typical of work. */
export function lognormal(median: number, sigma: number): Truth {
  return {
    cdf: (seconds) => (seconds <= 0 ? 0 : normalCdf(Math.log(seconds / median) / sigma)),
    draw: (random) =>
      median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())),
    from: median * Math.exp(-5 * sigma),
    to: median * Math.exp(5 * sigma),
  };
}

/** A mix of two kinds of work; the first has this share. */
export function mixture(a: Truth, b: Truth, shareOfA: number): Truth {
  return {
    cdf: (seconds) => shareOfA * a.cdf(seconds) + (1 - shareOfA) * b.cdf(seconds),
    draw: (random) => (random() < shareOfA ? a : b).draw(random),
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
  };
}

/** Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const tail =
    density * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}

import { toNearestMicro, toUsd } from './budget/money.ts';

/** The expected cost of one kind of order. */
export interface EstimateLine {
  /** The step, or the model if there are no steps. */
  what: string;
  model: string;
  /** Null if the number depends on the output of a step. */
  count: number | null;
  /** The published price of one `unit`. */
  unitPriceUsd?: number;
  unit?: string;
  /** Units of all orders combined. */
  units?: number;
  /** Price of all orders combined; null if unknown. */
  priceUsd: number | null;
  /** Why the price is not known. */
  why?: string;
}

/** What is expected to be billed. An estimate alone blocks nothing. */
export interface Estimate {
  currency: 'USD';
  /** Null if the price of any line is unknown. */
  totalUsd: number | null;
  /** Sum of the known prices. */
  atLeastUsd: number;
  /** Number of lines whose price is unknown. */
  unknown: number;
  /** The account's balance, if requested. */
  balanceUsd?: number;
  lines: EstimateLine[];
  /** How far this may be trusted, in one sentence. */
  note: string;
}

const note =
  "By RunComfy's published prices, which may change and do not count what resolution or reference media add; further attempts and fallbacks come on top.";

/** Adds up the known prices in whole micro-dollars, so that rounding errors do not accumulate. */
export function sumOfKnown(priced: readonly Pick<EstimateLine, 'priceUsd'>[]): number {
  return toUsd(priced.reduce((sum, { priceUsd }) => sum + toNearestMicro(priceUsd ?? 0), 0));
}

/** The estimate of all lines together. */
export function sumUp(lines: EstimateLine[], balanceUsd?: number): Estimate {
  const atLeastUsd = sumOfKnown(lines);
  const unknown = lines.filter(({ priceUsd }) => priceUsd === null).length;
  return {
    currency: 'USD',
    totalUsd: unknown === 0 ? atLeastUsd : null,
    atLeastUsd,
    unknown,
    ...(balanceUsd !== undefined && { balanceUsd }),
    lines,
    note,
  };
}

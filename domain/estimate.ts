import { toNearestMicro, toUsd } from './budget/money.ts';

/** What one kind of order is expected to cost. */
export interface EstimateLine {
  /** The step, or the model where there are no steps. */
  what: string;
  model: string;
  /** Null: how many there will be comes from a step. */
  count: number | null;
  /** The published price of one `unit`. */
  unitPriceUsd?: number;
  unit?: string;
  /** Units of all orders together. */
  units?: number;
  /** Of all orders together; null where it cannot be known. */
  priceUsd: number | null;
  /** Why the price is not known. */
  why?: string;
}

/** What is expected to be billed. An estimate decides nothing by itself. */
export interface Estimate {
  currency: 'USD';
  /** Null where a line's price is not known. */
  totalUsd: number | null;
  /** The sum of the prices that are known. */
  atLeastUsd: number;
  /** Lines whose price is not known. */
  unknown: number;
  /** The account's balance, where it was asked for. */
  balanceUsd?: number;
  lines: EstimateLine[];
  /** How far this may be trusted, in one sentence. */
  note: string;
}

const note =
  "By RunComfy's published prices, which may change and do not count what resolution or reference media add; further attempts and fallbacks come on top.";

/** Adds up lines, in whole micro-dollars. */
export function sumUp(lines: EstimateLine[], balanceUsd?: number): Estimate {
  const known = lines.flatMap(({ priceUsd }) => (priceUsd === null ? [] : [toNearestMicro(priceUsd)]));
  const atLeastUsd = toUsd(known.reduce((sum, price) => sum + price, 0));
  const unknown = lines.length - known.length;
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

import type { KnownBudgetState } from '../../../client/index.ts';
import { fields, usd } from '../../printing/pretty.ts';

/** A budget, for people. */
export function prettyBudget(state: KnownBudgetState): string {
  const { name, limitUsd, period, periodStart, spentUsd, reservedUsd, availableUsd, overUsd, presumedUsd } = state;
  const { open, oldestOpenAt, refused, warning, isClosed } = state;
  return fields([
    ['budget', isClosed ? `${name} (closed)` : name],
    ['limit', `${usd(limitUsd)}${perPeriod(period)}`],
    ['since', periodStart],
    ['spent', presumedUsd > 0 ? `${usd(spentUsd)}, of which ${usd(presumedUsd)} presumed` : usd(spentUsd)],
    ['reserved', usd(reservedUsd)],
    ['available', usd(availableUsd)],
    [
      'over',
      overUsd > 0
        ? `${usd(overUsd)}: costs above their prices; nothing is granted until the limit is set${period === 'total' ? '' : `, or the next ${period}`}`
        : undefined,
    ],
    ['open', oldestOpenAt === undefined ? open : `${String(open)}, the oldest since ${oldestOpenAt}`],
    ['refused', refused],
    ['warning', warning],
  ]);
}

export function perPeriod(period: KnownBudgetState['period']): string {
  return period === 'total' ? '' : ` per ${period}`;
}

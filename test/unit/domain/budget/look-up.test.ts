import { describe, expect, it } from 'vitest';
import { openBooks, reserve, settle } from '../../../../domain/budget/books.ts';
import { nextLookUpAt, oldReservations } from '../../../../domain/budget/look-up.ts';

const noon = Date.UTC(2026, 10, 26, 12);
const minute = 60_000;

describe('old reservations', () => {
  it('are looked up once the oldest is ten minutes old, and every five minutes from then on', () => {
    const books = openBooks({ limitUsd: 10 }, noon);
    expect(nextLookUpAt(books, 0)).toBeUndefined();
    reserve(books, { key: 'young', priceUsd: 1 }, noon + 8 * minute);
    reserve(books, { key: 'old', priceUsd: 1 }, noon);
    expect(nextLookUpAt(books, 0)).toBe(noon + 10 * minute);
    expect(oldReservations(books, noon + 10 * minute - 1)).toEqual([]);
    expect(oldReservations(books, noon + 10 * minute).map(({ key }) => key)).toEqual(['old']);
    expect(oldReservations(books, noon + 18 * minute).map(({ key }) => key)).toEqual(['old', 'young']);
    expect(nextLookUpAt(books, noon + 10 * minute)).toBe(noon + 15 * minute);
    settle(books, { key: 'old', outcome: 'failed' }, noon + 11 * minute);
    expect(nextLookUpAt(books, noon + 10 * minute)).toBe(noon + 18 * minute);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgetId, budgetNameOf, isBudgetName } from '../../../../domain/budget/names.ts';
import {
  parseBudgetRequest,
  parseReleaseMessage,
  parseReserveMessage,
  parseSetMessage,
  readReservationsQuestion,
  readSettlements,
} from '../../../../domain/budget/parse.ts';
import { parseGenerationRequest } from '../../../../domain/request.ts';

const pathsOf = (parsed: ReturnType<typeof parseBudgetRequest>) =>
  parsed.ok ? [] : parsed.issues.map(({ path }) => path);

describe('the argument of a budget', () => {
  it.each([0, 0.000_001, 10, 1_000_000])('may be a limit of %s USD', (limitUsd) => {
    expect(parseBudgetRequest({ limitUsd })).toEqual({ ok: true, value: { limitUsd } });
  });

  it.each([
    -1,
    -0.01,
    1e15,
    1_000_000.1,
    0.000_000_1,
    1.000_000_7,
    Number.NaN,
    Infinity,
    '10',
    null,
    undefined,
    [],
    {},
  ])('is no limit of %s', (limitUsd) => {
    expect(pathsOf(parseBudgetRequest({ limitUsd }))).toEqual(['request.limitUsd']);
    expect(parseSetMessage({ limitUsd }).ok).toBe(false);
  });

  it('is refused with all its problems at once', () => {
    expect(pathsOf(parseBudgetRequest({ limitUsd: -1, period: 'week', limit: 3 }))).toEqual([
      'request.limit',
      'request.limitUsd',
      'request.period',
    ]);
    expect(parseBudgetRequest(undefined).ok).toBe(false);
    expect(parseBudgetRequest({ limitUsd: 1, period: null })).toEqual({ ok: true, value: { limitUsd: 1 } });
  });
});

describe('the name of a budget', () => {
  it('is part of its Workflow ID and found again there', () => {
    expect(budgetNameOf(budgetId('team-a.2026'))).toBe('team-a.2026');
    expect(budgetNameOf('team-a')).toBeUndefined();
  });

  it.each(['', '-a', '.a', 'a b', 'a/b', 'a:b', 'ä', 'a\n', 'a\0', '"', "'", '*', 'x'.repeat(101), 7, null, undefined])(
    'is not %j',
    (name) => {
      expect(isBudgetName(name)).toBe(false);
    },
  );
});

describe('the budgets of an order', () => {
  const issuesOf = (budgets: unknown) => {
    const parsed = parseGenerationRequest({ model: 'a/b', input: {}, budgets });
    return parsed.ok ? [] : parsed.issues.map(({ path }) => path);
  };

  it.each([[['a']], [['a', 'b', 'c', 'd']], [null], [undefined]])('may be %j', (budgets) => {
    expect(issuesOf(budgets)).toEqual([]);
  });

  it.each([[[]], [['a', 'a']], [['a', 'b', 'c', 'd', 'e']], ['a'], [{ 0: 'a' }], [[7]], [[undefined]], [['a b']]])(
    'are not %j',
    (budgets) => {
      expect(issuesOf(budgets)).toEqual(['request.budgets']);
    },
  );
});

describe('messages to a budget', () => {
  it('are read whatever they are, without a throw', () => {
    fc.assert(
      fc.property(fc.anything(), (junk) => {
        parseBudgetRequest(junk);
        parseReserveMessage(junk);
        parseReleaseMessage(junk);
        parseSetMessage(junk);
        readSettlements(junk);
        readReservationsQuestion(junk);
        readSettlements({ settlements: [junk] });
        parseReserveMessage({ requests: [junk] });
      }),
    );
  });

  it('reserve for at most 100 keys at prices from 0', () => {
    const requests = Array.from({ length: 101 }, (_, nth) => ({ key: String(nth), priceUsd: 1 }));
    expect(parseReserveMessage({ requests }).ok).toBe(false);
    expect(parseReserveMessage({ requests: requests.slice(1) }).ok).toBe(true);
    expect(parseReserveMessage({ requests: [] }).ok).toBe(false);
    for (const priceUsd of [-1, Number.NaN, '1', 1e12]) {
      expect(parseReserveMessage({ requests: [{ key: 'a', priceUsd }] }).ok).toBe(false);
    }
    for (const key of ['', 7, 'x'.repeat(1_001), 'scene \ud83d', 'nul \0']) {
      expect(parseReserveMessage({ requests: [{ key, priceUsd: 1 }] }).ok).toBe(false);
    }
  });

  it('settle what can be understood, and count the rest', () => {
    const settlements = [
      { key: 'a', outcome: 'succeeded', costUsd: 1 },
      { key: 'b', outcome: 'refused', costUsd: null, grant: 3 },
      { key: 'c', outcome: 'succeeded', costUsd: -1 },
      { key: 'd', outcome: 'stolen' },
      { key: 'e', outcome: 'cancelled', grant: 0.5 },
      { key: 'f', outcome: 'failed', presumedUsd: 2 },
      { key: 'g', outcome: 'failed', presumedUsd: '2' },
    ];
    expect(readSettlements({ settlements })).toEqual({
      settlements: [
        { key: 'a', outcome: 'succeeded', costUsd: 1 },
        { key: 'b', outcome: 'refused', grant: 3 },
        { key: 'f', outcome: 'failed', presumedUsd: 2 },
      ],
      junk: 4,
    });
    const many = Array.from({ length: 10_000 }, (_, nth) => ({ key: String(nth), outcome: 'refused' }));
    expect(readSettlements({ settlements: many })).toEqual({ settlements: many, junk: 0 });
    expect(readSettlements({ settlements: [...many, many[0]] })).toEqual({ settlements: [], junk: 1 });
  });
});

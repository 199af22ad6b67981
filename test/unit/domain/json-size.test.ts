import { describe, expect, it } from 'vitest';
import { isJsonTextWithin, type JsonTextBounds } from '../../../domain/json-size.ts';

const unbounded: JsonTextBounds = {
  maxValues: Infinity,
  maxNames: Infinity,
  maxDistinctNames: Infinity,
  maxDistinctNameBytes: Infinity,
  maxLevels: Infinity,
};

/** The least bound under which a text still passes. */
function least(text: string, bound: keyof JsonTextBounds): number {
  const bytes = Buffer.from(text);
  let max = 0;
  while (!isJsonTextWithin(bytes, { ...unbounded, [bound]: max })) max += 1;
  return max;
}

const texts: [text: string, values: number, names: number, levels: number][] = [
  ['7', 1, 0, 0],
  [' [1, 2, 3] ', 4, 0, 1],
  ['{"a":{"b":[1,{"c":null}]},"d":2}', 7, 4, 4],
  ['"[{,:,}]"', 1, 0, 0],
  [String.raw`["\"[,", "\\", ":,"]`, 4, 0, 1],
  ['["ж,[", "\u{1f600}"]', 3, 0, 1],
  ['[[],[]]', 5, 0, 2],
  ['"never closed,,,[', 1, 0, 0],
  [']]]],', 2, 0, 0],
];

describe('isJsonTextWithin', () => {
  it.each(texts)('counts values, names and levels outside of texts: %s', (text, values, names, levels) => {
    expect(least(text, 'maxValues')).toBe(Math.max(1, values));
    expect(least(text, 'maxNames')).toBe(names);
    expect(least(text, 'maxLevels')).toBe(levels);
  });

  it.each([
    ['[{"a":1,"b":2},{"b":1,"a":{"a":1}}]', 2, 6],
    ['{"a":":","b":[":"]}', 2, 6],
    ['{"long name":1,"a":2}', 2, 14],
    ['{"a":::::::::', 2, 4],
  ])('counts names that are read again once, and their bytes: %s', (text, distinct, bytes) => {
    expect(least(text, 'maxDistinctNames')).toBe(distinct);
    expect(least(text, 'maxDistinctNameBytes')).toBe(bytes);
  });

  it('looks no further than the first bound that is exceeded', () => {
    let looked = 0;
    const bytes = new Proxy(new Uint8Array(1_000_000).fill(0x5b), {
      get(target, key) {
        looked += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    expect(isJsonTextWithin(bytes, { ...unbounded, maxLevels: 200 })).toBe(false);
    expect(looked).toBeLessThan(1_000);
  });

  it('looks at no byte more than three times, however a name is written', () => {
    let looked = 0;
    const bytes = new Proxy(new Uint8Array(100_000).fill(0x3a), {
      get(target, key) {
        looked += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
    expect(isJsonTextWithin(bytes, unbounded)).toBe(true);
    expect(looked).toBeLessThan(400_000);
  });
});

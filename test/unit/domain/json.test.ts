import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findExcess, isJsonObject, isSameJson, jsonPath, walkJson, withoutUndefined } from '../../../domain/json.ts';

/** As it comes out of a parser, whoever wrote it. */
const json = () => fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown;

describe('isJsonObject', () => {
  it('takes objects alone, of whatever realm or prototype', () => {
    for (const value of [{}, { a: 1 }, Object.create(null)]) expect(isJsonObject(value)).toBe(true);
    for (const value of [null, undefined, [], 'text', 1, true, new Uint8Array(1), new Date(), () => 1]) {
      expect(isJsonObject(value)).toBe(false);
    }
  });
});

describe('withoutUndefined', () => {
  it('leaves out what is undefined and keeps all else, null and empty values included', () => {
    const maybe = (): string | undefined => undefined;
    const fields: { a: number; b?: string; c: null; d: string; e?: number } = withoutUndefined({
      a: 0,
      b: maybe(),
      c: null,
      d: '',
      e: undefined as number | undefined,
    });
    expect(Object.entries(fields)).toEqual([
      ['a', 0],
      ['c', null],
      ['d', ''],
    ]);
  });
});

describe('isSameJson', () => {
  it('takes a document for the same as its copy, with the keys in any order', () => {
    fc.assert(
      fc.property(json(), (value) => {
        expect(isSameJson(value, reversed(value))).toBe(true);
      }),
    );
  });

  it('is symmetric, and agrees with a canonical text', () => {
    fc.assert(
      fc.property(json(), json(), (a, b) => {
        expect(isSameJson(a, b)).toBe(isSameJson(b, a));
        expect(isSameJson(a, b)).toBe(canonical(a) === canonical(b));
      }),
    );
  });

  it('tells apart what only looks alike', () => {
    const pairs: [unknown, unknown][] = [
      [1, '1'],
      [null, undefined],
      [[], {}],
      [
        [1, 2],
        [2, 1],
      ],
      [{ a: 1 }, { a: 1, b: undefined }],
      [{ toString: 1 }, {}],
      [{ a: [1] }, { a: { 0: 1 } }],
    ];
    for (const [a, b] of pairs) expect(isSameJson(a, b)).toBe(false);
    expect(isSameJson(0, -0)).toBe(true);
  });
});

describe('walkJson', () => {
  it('gives every value once, parents first, in the order of the document', () => {
    const document = { b: [1, { 'odd key': 'x' }], a: null };
    expect([...walkJson(document)]).toEqual([
      { path: '$', value: document },
      { path: '$.b', value: document.b },
      { path: '$.b[0]', value: 1 },
      { path: '$.b[1]', value: { 'odd key': 'x' } },
      { path: '$.b[1]["odd key"]', value: 'x' },
      { path: '$.a', value: null },
    ]);
  });

  it('gives each value a path of its own', () => {
    fc.assert(
      fc.property(json(), (value) => {
        const paths = [...walkJson(value)].map(({ path }) => path);
        expect(new Set(paths).size).toBe(paths.length);
      }),
    );
  });

  it('gets through any depth', () => {
    let count = 0;
    for (const _ of walkJson(nested(20_000))) count += 1;
    expect(count).toBe(20_000);
  });
});

describe('findExcess', () => {
  const isNestedDeeperThan = (maxLevels: number, root: unknown) =>
    findExcess(root, { maxNodes: Number.POSITIVE_INFINITY, maxLevels }) === 'maxLevels';
  /** A list that tells which of its items was looked at last. */
  const watched = (length: number) => {
    const seen = { last: 0 };
    const list = new Proxy(
      Array.from({ length }, () => 'x'),
      {
        get(target, key, receiver) {
          if (typeof key === 'string' && /^\d+$/.test(key)) seen.last = Math.max(seen.last, Number(key));
          return Reflect.get(target, key, receiver) as unknown;
        },
      },
    );
    return { list, seen };
  };

  it('looks at no more values than it may, however many there are', () => {
    const { list, seen } = watched(500_000);
    const bounds = { maxNodes: 1_000, maxLevels: 10 };
    expect(findExcess({ list }, bounds)).toBe('maxNodes');
    expect(seen.last).toBeLessThan(1_000);
    expect(findExcess(Array.from({ length: 999 }), bounds)).toBeUndefined();
    expect(findExcess(Array.from({ length: 1_000 }), bounds)).toBe('maxNodes');
  });

  it('ends on a circle, with one way round and with many', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const branching: unknown[] = [];
    branching.push(branching, branching, { branching });
    for (const root of [circle, branching]) {
      expect(findExcess(root, { maxNodes: 20_000, maxLevels: 100 })).toBe('maxLevels');
    }
  });

  it('counts the levels of arrays and objects', () => {
    expect(isNestedDeeperThan(0, 'text')).toBe(false);
    expect(isNestedDeeperThan(0, [])).toBe(false);
    expect(isNestedDeeperThan(1, [[]])).toBe(false);
    expect(isNestedDeeperThan(0, [[]])).toBe(true);
    expect(isNestedDeeperThan(100, { a: nested(100) })).toBe(false);
    expect(isNestedDeeperThan(100, { a: nested(101) })).toBe(true);
    expect(isNestedDeeperThan(100, nested(200_000))).toBe(true);
  });
});

describe('jsonPath', () => {
  it('stays short enough to be told, however long and deep the keys are', () => {
    const key = '\ud800'.repeat(1_000_000);
    let path = '$';
    for (let level = 0; level < 100; level += 1) path = jsonPath(path, key);
    expect(path.length).toBeLessThan(3_000);
    expect(path.endsWith('…')).toBe(true);
    expect(jsonPath(path, 1)).toBe(path);
  });

  it('writes names plainly where it can, and quotes them where it must', () => {
    expect(jsonPath('$', 'start_image_url')).toBe('$.start_image_url');
    expect(jsonPath('$.elements', 0)).toBe('$.elements[0]');
    expect(jsonPath('$', 'a.b')).toBe('$["a.b"]');
    expect(jsonPath('$', '0')).toBe('$["0"]');
    expect(jsonPath('$', '')).toBe('$[""]');
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

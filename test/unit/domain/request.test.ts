import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBatchRequest } from '../../../domain/batch/batch-request.ts';
import { parsePipelineRequest } from '../../../domain/pipeline/pipeline-request.ts';
import {
  deadlineMsOf,
  findUnsendable,
  inputUrlsOf,
  isModelId,
  isRequestId,
  parseGenerationRequest,
} from '../../../domain/request.ts';

const model = 'kling/kling-3.0/standard/image-to-video';
const input = { prompt: 'a cat' };

/** Paths of the problems that an argument has. */
function problems(argument: unknown): string[] {
  const parsed = parseGenerationRequest(argument);
  return parsed.ok ? [] : parsed.issues.map(({ path }) => path);
}

const segment = () => fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((text) => text !== '.' && text !== '..');

describe('parseGenerationRequest', () => {
  it('takes a full request exactly as it is', () => {
    const request = {
      model,
      input: { prompt: 'a cat', nested: { list: [1, 2.5, null, true] } },
      requestId: 'b9f0-_A',
      deadlineMs: 60_000,
      onUnknownSubmission: 'resubmit',
      onCancelWhileRunning: 'detach',
      waiting: { preset: 'frugal', secondsOfDelayPerRead: 0.25 },
    };
    expect(parseGenerationRequest(request)).toEqual({ ok: true, request });
  });

  it('never changes an input, whatever is in it', () => {
    const anyInput = fc
      .dictionary(fc.string(), fc.jsonValue())
      .map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>);
    fc.assert(
      fc.property(anyInput, (given) => {
        const before = JSON.stringify(given);
        const parsed = parseGenerationRequest({ model, input: given });
        if (parsed.ok) expect(JSON.stringify(parsed.request.input)).toBe(before);
        else expect(findUnsendable(given).length).toBeGreaterThan(0);
        expect(JSON.stringify(given)).toBe(before);
      }),
    );
  });

  it('never throws, and lists a bounded number of problems, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (argument) => {
        const parsed = parseGenerationRequest(argument);
        if (!parsed.ok) {
          expect(parsed.issues.length).toBeGreaterThan(0);
          expect(parsed.model.length).toBeLessThanOrEqual(256);
          for (const { path, message } of parsed.issues) expect(path.length * message.length).toBeGreaterThan(0);
        }
      }),
    );
    const junk = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field${String(index)}`, index]));
    expect(problems(junk).length).toBeLessThan(100);
  });

  it('says of bytes in few words that they are none of JSON, however many there are', () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ model, input }));
    const ofAnotherRealm = runInNewContext('new Uint8Array(2_000_000)') as unknown;
    const found = (argument: unknown) => {
      const parsed = [parseGenerationRequest(argument), parsePipelineRequest(argument), parseBatchRequest(argument)];
      return parsed.map((each) => (each.ok ? '' : each.issues[0]?.message.split(', got ')[1]));
    };
    const told = (count: number) => `${String(count)} bytes instead of JSON`;
    expect(found(bytes)).toEqual(Array(3).fill(told(bytes.length)));
    expect(found(ofAnotherRealm)).toEqual(Array(3).fill(told(2_000_000)));
  });

  it('refuses an input that is nested so deep that handling it would overflow a stack', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    for (const given of [
      { model, input: { prompt: deep } },
      { model, input: deep },
    ]) {
      expect(parseGenerationRequest(given)).toMatchObject({
        ok: false,
        issues: [{ path: '$', message: expect.stringContaining('100 levels') }],
      });
    }
  });

  it('takes a field that is null for one that is absent', () => {
    const parsed = parseGenerationRequest({ model, input, requestId: null, deadlineMs: null, waiting: null });
    expect(parsed).toEqual({ ok: true, request: { model, input } });
  });

  it.each([{}, { preset: null }, { preset: null, secondsOfDelayPerRead: null }])(
    'takes options that say nothing for absent ones, of pipelines and batches too: %j',
    (waiting) => {
      const nothing = { ok: true, request: { model, input } };
      expect(parseGenerationRequest({ model, input, waiting })).toStrictEqual(nothing);
      const plan = { version: 1, steps: {} };
      expect(parsePipelineRequest({ plan, waiting })).toStrictEqual({ ok: true, request: { plan } });
      const batch = { items: [{ id: 'a', input }], defaults: { model } };
      expect(parseBatchRequest({ ...batch, defaults: { model, waiting } })).toStrictEqual({ ok: true, request: batch });
      const webhook = { url: 'https://shop.example/hook', secret: 'shop' };
      const told = parseGenerationRequest({ model, input, webhook: { ...webhook, events: null } });
      expect(told).toStrictEqual({ ok: true, request: { model, input, webhook } });
    },
  );

  it('needs no input to take over a request, and one otherwise', () => {
    expect(parseGenerationRequest({ model, requestId: 'r' })).toEqual({
      ok: true,
      request: { model, requestId: 'r', input: {} },
    });
    expect(problems({ model })).toEqual(['$']);
  });

  it('names each problem where it is', () => {
    const cases: [unknown, string[]][] = [
      [undefined, ['request']],
      [null, ['request']],
      ['text', ['request']],
      [[], ['request']],
      [{ model: 'one-segment', input }, ['request.model']],
      [{ model, input: [] }, ['$']],
      [{ model, input: 'text' }, ['$']],
      [{ model, input: { a: [{ seed: 2 ** 53 }] } }, ['$.a[0].seed']],
      [{ model, input, requestId: '../x' }, ['request.requestId']],
      [{ model, input, requestId: 7 }, ['request.requestId']],
      [{ model, input, deadlineMs: 1.5 }, ['request.deadlineMs']],
      [{ model, input, deadlineMs: -1 }, ['request.deadlineMs']],
      [{ model, input, deadlineMs: '60000' }, ['request.deadlineMs']],
      [{ model, input, deadlineMs: 400 * 86_400_000 }, ['request.deadlineMs']],
      [{ model, input, onUnknownSubmission: 'HOLD' }, ['request.onUnknownSubmission']],
      [{ model, input, onCancelWhileRunning: 1 }, ['request.onCancelWhileRunning']],
      [{ model, input, onWall: 'hold' }, ['request.onWall']],
      [{ model, input, waiting: [] }, ['request.waiting']],
      [{ model, input, waiting: { preset: 'slow', every: 1 } }, ['request.waiting.every', 'request.waiting.preset']],
      [{ model, input, waiting: { secondsOfDelayPerRead: 0 } }, ['request.waiting.secondsOfDelayPerRead']],
      [{ model, input, waiting: { secondsOfDelayPerRead: 3_601 } }, ['request.waiting.secondsOfDelayPerRead']],
      [{ model, input, retries: 1, token: 'x' }, ['request.retries', 'request.token']],
      [{}, ['request.model', '$']],
    ];
    for (const [argument, paths] of cases) expect(problems(argument)).toEqual(paths);
  });
});

describe('isModelId', () => {
  it('takes 2 to 5 segments, and nothing that could leave its place in a URL', () => {
    fc.assert(
      fc.property(fc.array(segment(), { minLength: 2, maxLength: 5 }), (segments) => {
        const id = segments.join('/');
        expect(isModelId(id)).toBe(true);
        expect(new URL(`https://example.com/v1/models/${id}`).pathname).toBe(`/v1/models/${id}`);
      }),
    );
    for (const id of [
      'one',
      'a/b/c/d/e/f',
      'a/../b',
      './a',
      'a//b',
      '/a/b',
      'a/b/',
      'a b/c',
      'a/b?x',
      'a/b#c',
      'ä/b',
      'a/b\n',
    ]) {
      expect(isModelId(id)).toBe(false);
    }
    expect(isModelId(`a/${'b'.repeat(300)}`)).toBe(false);
  });
});

describe('isRequestId', () => {
  it('takes what is one segment of a URL once it is encoded', () => {
    for (const id of [
      'b9f0c1d2-1111-4222-8333-abcdefabcdef',
      'a',
      'A_b-9',
      'a.b',
      'gen:7f',
      'YWI=',
      'a~@+',
      'x'.repeat(255),
    ]) {
      expect(isRequestId(id)).toBe(true);
    }
    for (const id of [
      '',
      ' ',
      'a/b',
      '.',
      '..',
      'a b',
      'a\n',
      'a%2Fb',
      'a?b',
      'a#b',
      'x'.repeat(256),
      7,
      null,
      undefined,
    ]) {
      expect(isRequestId(id)).toBe(false);
    }
  });
});

describe('findUnsendable', () => {
  it('finds exactly the integers that JSON would round', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true })), (value) => {
        const isRounded = Number.isInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER;
        expect(findUnsendable({ a: [value] })).toHaveLength(isRounded ? 1 : 0);
      }),
    );
    expect(findUnsendable({ seed: -(2 ** 53) })).toMatchObject([{ path: '$.seed' }]);
  });

  it('finds every value that JSON cannot carry, as a parser or a caller may make one', () => {
    const parsed = JSON.parse('{"scale": 1e400, "list": [1, -1e400, {"deep": 1e309}], "fine": 1e308}') as object;
    expect(findUnsendable(parsed).map(({ path, message }) => `${path} ${message}`)).toEqual([
      '$.scale expected a JSON value, got Infinity',
      '$.list[1] expected a JSON value, got -Infinity',
      '$.list[2].deep expected a JSON value, got Infinity',
      '$.fine integer beyond ±(2^53 − 1) would be rounded; pass it as a string if the model takes one',
    ]);
    const given = { nan: Number.NaN, big: 1n, call: () => 1, tag: Symbol('t') };
    expect(findUnsendable(given).map(({ path }) => path)).toEqual(['$.nan', '$.big', '$.call', '$.tag']);
  });

  it('tells a bounded number of problems of bounded length', () => {
    const key = 'k'.repeat(1_000_000);
    const wrong = { [key]: Array.from({ length: 10_000 }, () => Number.NaN) };
    const issues = findUnsendable(wrong);
    expect(issues).toHaveLength(51);
    expect(issues.at(-1)?.message).toBe('and 9950 more problems');
    expect(JSON.stringify(issues).length).toBeLessThan(30_000);
  });

  it('refuses what is too large or goes in a circle, as one problem', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const isBounded = (given: unknown) => parseGenerationRequest({ model, input: given });
    for (const list of [Array.from({ length: 20_001 }, () => 'x'), Array.from({ length: 500_000 }, () => Number.NaN)]) {
      expect(isBounded({ list })).toEqual({
        ok: false,
        model,
        issues: [{ path: '$', message: 'has more than 20000 values' }],
      });
    }
    expect(isBounded(circle)).toMatchObject({ issues: [{ path: '$', message: 'nested more than 100 levels deep' }] });
    expect(isBounded({ list: Array.from({ length: 19_000 }, () => 'x') }).ok).toBe(true);
  });
});

describe('inputUrlsOf', () => {
  it('gives the http and https URLs of an input, each once', () => {
    const given = {
      start_image_url: 'https://a.example/1.png',
      elements: [{ url: 'HTTP://b.example/2.png' }, 'https://a.example/1.png'],
      prompt: 'see https://c.example',
      data: 'data:image/png;base64,AAAA',
    };
    expect(inputUrlsOf(given)).toEqual(['https://a.example/1.png', 'HTTP://b.example/2.png']);
  });
});

describe('deadlineMsOf', () => {
  it('is a day unless the request says otherwise', () => {
    expect(deadlineMsOf({ model, input })).toBe(86_400_000);
    expect(deadlineMsOf({ model, input, deadlineMs: 5 })).toBe(5);
  });
});

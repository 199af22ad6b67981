import { describe, expect, it } from 'vitest';
import { evaluateBare, evaluateValue, ExpressionError, type Values } from '../../../plans/evaluate.ts';

const values: Values = {
  declared: {
    seconds: { type: 'integer' },
    ratio: { type: 'number' },
    scene: { type: 'string' },
    list: { type: 'list' },
  },
  params: { seconds: 5, ratio: 2, scene: 'A ${{ steps.still.image }} of $${{ x', list: [1, 'two', { three: 3 }] },
  steps: {
    still: {
      phase: 'succeeded',
      images: ['https://a', 'https://b'],
      costUsd: 1,
      items: [{ phase: 'succeeded', image: 'https://a' }],
    },
    score: { phase: 'failed', images: [] },
  },
  pipeline: { key: 'film' },
  item: { name: 'red' },
  index: 3,
};

const given = (text: string) => evaluateValue(text, values);

describe('an expression', () => {
  it.each([
    ['${{ params.seconds * 2 }}', 10],
    ['${{ params.ratio * 1.5 }}', 3],
    ['${{ params.seconds }} s', '5 s'],
    ['${{ params.list }}', [1, 'two', { three: 3 }]],
    ['${{ steps.still.images[1] }}', 'https://b'],
    ['${{ steps.still.costUsd + 0.5 }}', 1.5],
    ['${{ size(steps.still.images) == 2 }}', true],
    ['${{ steps.still.images.map(i, i + "?x") }}', ['https://a?x', 'https://b?x']],
    ['${{ steps.still.items[0].image }}', 'https://a'],
    ['${{ join(steps.still.images, " ") }}', 'https://a https://b'],
    ['${{ has(steps.score.image) ? steps.score.image : "none" }}', 'none'],
    ['${{ steps.score.phase }}/${{ pipeline.key }}/${{ index }}/${{ item.name }}', 'failed/film/3/red'],
    ['${{ {"a": {"b": "}}"}}["a"]["b"] }}', '}}'],
    ['${{ "a 😀".substring(0, 4) }}', 'a 😀'],
    ['${{ "😀".split("").join("") }}', '😀'],
    ['a $${{ b }} c', 'a ${{ b }} c'],
    ['no expression', 'no expression'],
    ['', ''],
  ])('%s gives %j', (text, expected) => {
    expect(given(text)).toEqual(expected);
  });

  it('never looks again at what it has put in', () => {
    expect(given('${{ params.scene }}')).toBe(values.params['scene']);
    expect(given('${{ params.scene }}!')).toBe(`${String(values.params['scene'])}!`);
  });

  it('stands at any depth of values, and never in keys', () => {
    expect(evaluateValue({ '${{ item }}': [{ deep: '${{ params.seconds }}' }], n: null, b: true }, values)).toEqual({
      '${{ item }}': [{ deep: 5 }],
      n: null,
      b: true,
    });
  });

  it('may stand bare where nothing else can stand', () => {
    expect(evaluateBare('params.seconds > 3', values, '$.if')).toBe(true);
    expect(evaluateBare(' ${{ params.seconds > 3 }} ', values, '$.if')).toBe(true);
  });

  it.each([
    ['${{ steps.score.image }}', /steps\.score\.image: there is no "image" in it/],
    ['${{ steps.still.images[9] }}', /there is nothing at index 9: the list has 2 items$/],
    ['${{ steps.still.items[1].image }}', /there is nothing at index 1: the list has 1 item$/],
    ['${{ steps.score.images[0] }}', /there is nothing at index 0: the list is empty$/],
    ['${{ steps.score.images[-1] }}', /there is no index -1: counting begins at 0$/],
    ['${{ params.list[0] + "x" }}', /these types do not go together: int \+ string$/],
    ['${{ join(params.list, ",") }}', /no function takes this: join\(list<.*>, string\)$/],
    ['${{ int(params.scene) }}', /int\(…\) cannot read the value$/],
    ['${{ params.seconds / 0 }}', /nothing can be divided by zero$/],
    ['${{ params.seconds % 0 }}', /nothing can be divided by zero$/],
    ['${{ 9223372036854775807 + params.seconds }}', /beyond 64 bits$/],
    ['${{ params.list[0] ? 1 : 2 }}', /what stands before "\?" is no boolean but int$/],
    ['${{ params.list.filter(each, each) }}', /the condition gives no boolean but int$/],
    ['${{ steps.score.?image.value() }}', /there is no such value; orValue\(…\) gives another$/],
    ['${{ params.seconds * 9007199254740991 }}', /beyond ±\(2\^53 − 1\)/],
    [
      '${{ "a 😀".substring(0, 3) }}',
      /gives text with half a character \(a lone surrogate\), which JSON cannot carry$/,
    ],
    ['a ${{ "😀".split("") }}', /half a character/],
    ['${{ {"a": ["😀".substring(1)]} }}', /half a character/],
    ['${{ {"😀".substring(1): 1} }}', /half a character/],
    ['${{ params.ratio / 0.0 }}', /Infinity, which JSON cannot carry/],
    ['x ${{ params.list }}', /a list, which cannot stand inside of a text/],
    ['x ${{ item }}', /an object, which cannot stand inside of a text/],
    ['${{ params.constructor }}', /there is no "constructor"/],
    ['${{ steps.still.__proto__ }}', /there is no "__proto__"/],
  ])('%s tells why it has no value', (text, message) => {
    const attempt = () => evaluateValue({ input: { field: text } }, values, '$.steps.a');
    expect(attempt).toThrow(ExpressionError);
    expect(attempt).toThrow(message);
    try {
      attempt();
    } catch (error) {
      expect((error as ExpressionError).path).toBe('$.steps.a.input.field');
    }
  });
});

describe('expressions that would take for ever, or all memory', () => {
  const list = Array.from({ length: 19_000 }, () => 1);
  const large: Values = {
    declared: { l: { type: 'list' }, t: { type: 'string' } },
    params: { l: list, t: 'x'.repeat(20_000) },
    steps: {},
    pipeline: { key: 'k' },
  };
  const again = (part: string, times = 30) => part.repeat(times);

  it.each([
    'params.l.map(x, params.l + params.l)',
    'params.l.map(x, params.l)',
    'params.l.map(x, 7 in params.l).size()',
    'params.l.map(x, params.t.contains("y")).size()',
    'params.l.map(x, params.t).join("")',
    '(params.t + params.t).contains(params.t + "y")',
    '(params.t + params.t).lastIndexOf(params.t + "y")',
    '(params.t + params.t).split(params.t + "y")',
    'join(params.l.map(x, ""), params.t)',
    `[[1]]${again('.map(x, x + x)')}.size()`,
    `["ab"]${again('.map(x, x + x)')}[0]`,
    `[1]${again('.map(x, [x, x])')} == [1]${again('.map(x, [x, x])')}`,
    `[1]${again('.map(x, {"a": x, "b": x})')}`,
  ])('end soon: %s', (expression) => {
    expect(() => evaluateValue(`\${{ ${expression} }}`, large, '$.here')).toThrow('takes too long');
  });

  it('end soon together, and give no more than a plan may have', () => {
    const search = '${{ params.l.filter(x, x > 3).size() }}';
    expect(evaluateValue(search, large)).toBe(0);
    expect(() => evaluateValue(again(search), large)).toThrow('takes too long');
    expect(() => evaluateValue({ prompt: [again('${{ params.t }}')] }, large)).toThrow(
      'give more than 262144 bytes together',
    );
  });

  it.each([
    ['800 images in 200 choices', 800, 200, 113],
    ['600 ids in 600', 600, 600, 30],
    ['200 presigned URLs in 200', 200, 200, 400],
    ['the images of one half of the largest pipeline in those of the other', 1_500, 1_500, 113],
  ])('are none of those that look for %s', (_what, images, choices, length) => {
    const urls = (count: number, from: string) =>
      Array.from({ length: count }, (_, at) => `https://${from}.example.com/${String(at)}`.padEnd(length, 'f'));
    const still = { phase: 'succeeded', images: urls(images, 'still') };
    const steps = { still, pick: { phase: 'approved', choices: [...urls(choices - 1, 'other'), still.images[0]] } };
    const others = 'steps.still.images.filter(x, !(x in steps.pick.choices))';
    expect(evaluateBare(others, { ...large, steps }, '$')).toHaveLength(images - 1);
  });

  it('are none of those that compare two fan-outs', () => {
    const images = Array.from(
      { length: 200 },
      (_, at) => `https://cdn.runcomfy.net/${'f'.repeat(80)}/${String(at)}.png`,
    );
    const items = images.map((image) => ({ phase: 'succeeded', image, images: [image] }));
    const two = { a: { phase: 'succeeded', images, items }, b: { phase: 'succeeded', images, items } };
    const values = { ...large, steps: two };
    expect(evaluateBare('steps.a.images.filter(x, x in steps.b.images)', values, '$')).toHaveLength(200);
    expect(evaluateBare('steps.a.items.filter(x, x.phase == "succeeded").map(x, x.image)', values, '$')).toEqual(
      images,
    );
  });
});

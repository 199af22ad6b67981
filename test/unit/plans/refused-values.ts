import { clip, flux, maker, music, steps, still } from './plans-to-check.ts';
import type { RefusedPlan } from './refused-forms.ts';

export const refusedValues: RefusedPlan[] = [
  [
    'a condition that is a number',
    steps({ a: { ...still, if: '${{ params.n }}' } }, { n: { type: 'integer', default: 1 } }),
    '$.steps.a.if',
    'expected bool, got int',
  ],
  [
    'a condition that the params do not give a value',
    steps({ a: { ...still, if: 'params.o.wanted' } }, { o: { type: 'object', default: {} } }),
    '$.steps.a.if',
    'there is no "wanted"',
  ],
  [
    'a condition that the params make a text',
    steps({ a: { ...still, if: 'params.o.wanted' } }, { o: { type: 'object', default: { wanted: 'yes' } } }),
    '$.steps.a.if',
    'is neither true nor false',
  ],
  [
    'three lists that together are too long, though what is in them comes from a step',
    steps({
      still,
      ...Object.fromEntries(
        ['a', 'b', 'c'].map((id) => {
          const forEach = Array.from({ length: 200 }, (_, at) => (at === 0 ? '${{ steps.still.image }}' : at));
          return [id, { model: flux, forEach, input: { prompt: 'x' } }];
        }),
      ),
    }),
    '$.steps',
    '601 orders, and a pipeline may have 500',
  ],
  [
    'a forEach over one value',
    steps({ still, b: { ...still, forEach: '${{ steps.still.image }}' } }),
    '$.steps.b.forEach',
    'expected a list, got string',
  ],
  [
    'a list in a field for one',
    steps({ still, clip: { ...clip, input: { ...clip.input, start_image_url: '${{ steps.still.images }}' } } }),
    '$.steps.clip.input.start_image_url',
    'is a list; index it',
  ],
  [
    'one value in a field for a list',
    steps({ still, b: { model: flux, input: { prompt: 'x', images: '${{ steps.still.image }}' } } }),
    '$.steps.b.input.images',
    'wrap it in [ ]',
  ],
  [
    'a video in a field for images',
    steps({ still, clip, again: { ...clip, input: { ...clip.input, start_image_url: '${{ steps.clip.video }}' } } }),
    '$.steps.again.input.start_image_url',
    'takes an image, and steps.clip.video is a video',
  ],
  [
    'a video param in a field for images',
    steps(
      { clip: { ...clip, input: { ...clip.input, start_image_url: '${{ params.v }}' } } },
      { v: { type: 'video', default: 'https://example.org/v.mp4' } },
    ),
    '$.steps.clip.input.start_image_url',
    'is a video',
  ],
  [
    'an image of an audio step',
    steps({
      score: { model: music, input: { tags: 'calm' } },
      clip: { ...clip, input: { ...clip.input, start_image_url: '${{ steps.score.image }}' } },
    }),
    '$.steps.clip.input.start_image_url',
    'steps.score makes audio, so it has no image',
  ],
  [
    'an image of a step whose model only the catalogue calls one for videos, though it stands behind',
    steps({
      b: { model: flux, input: { prompt: 'x', images: ['${{ steps.a.image }}'] } },
      a: { model: maker, input: {} },
    }),
    '$.steps.b.input.images[0]',
    'steps.a makes a video, so it has no image',
  ],
  [
    'an image of a step whose model a param names',
    steps(
      { a: { ...still, model: '${{ params.m }}' }, b: { ...still, if: 'has(steps.a.image)' } },
      { m: { type: 'string', default: music } },
    ),
    '$.steps.b.if',
    'steps.a makes audio, so it has no image',
  ],
  [
    'a literal out of range',
    steps({ a: { model: flux, input: { prompt: 'x', seed: -1 } } }),
    '$.steps.a.input.seed',
    'got -1',
  ],
  ['a missing required input', steps({ a: { model: flux, input: {} } }), '$.steps.a.input.prompt', 'is required'],
  [
    'a value out of range that params give',
    steps(
      { still, clip: { ...clip, input: { ...clip.input, duration: '${{ params.seconds }}' } } },
      { seconds: { type: 'integer' } },
    ),
    '$.steps.clip.input.duration',
    'got 2',
    { seconds: 2 },
  ],
  [
    'an item out of range',
    steps({ a: { model: flux, forEach: [1, -2], input: { prompt: 'x', seed: '${{ item }}' } } }),
    '$.steps.a.input.seed',
    'got -2',
  ],
  ['a missing param', steps({ still }, { scene: { type: 'string' } }), '$.params.scene', 'is required: expected text'],
  [
    'a param of the wrong type',
    steps({ still }, { n: { type: 'integer' } }),
    '$.params.n',
    'expected a whole number, got "two"',
    { n: 'two' },
  ],
  [
    'a superfluous param',
    steps({ still }, { scene: { type: 'string', default: '' } }),
    '$.params.scen',
    'no such param; did you mean scene',
    { scen: 'x' },
  ],
  [
    'an unknown param',
    steps({ a: { model: flux, input: { prompt: '${{ params.sceen }}' } } }, { scene: { type: 'string', default: '' } }),
    '$.steps.a.input.prompt',
    'no param "sceen"; did you mean scene',
  ],
  [
    'item outside of a forEach',
    steps({ a: { model: flux, input: { prompt: '${{ item }}' } } }),
    '$.steps.a.input.prompt',
    'only known inside of a forEach',
  ],
  [
    'matches',
    steps({ a: { ...still, if: '"aaa".matches("^(a+)+$")' } }),
    '$.steps.a.if',
    'function matches is not offered',
  ],
  [
    'a comprehension in a comprehension',
    steps({ a: { ...still, if: 'params.l.all(x, params.l.all(y, true))' } }, { l: { type: 'list', default: [] } }),
    '$.steps.a.if',
    'inside of another comprehension',
  ],
  ['501 nodes', steps({ a: { ...still, if: `${'1 + '.repeat(300)}1 > 0` } }), '$.steps.a.if', 'maxAstNodes'],
  [
    'a list literal of 201',
    steps({ a: { ...still, forEach: `[${'1,'.repeat(200)}1]` } }),
    '$.steps.a.forEach',
    'maxListElements',
  ],
  [
    'an expression of 2,001 characters',
    steps({ a: { ...still, if: `true${' '.repeat(1_996)}|| true` } }),
    '$.steps.a.if',
    'may have 2000',
  ],
  [
    'a model that comes from a step',
    steps({ still, b: { model: '${{ steps.still.model }}', input: {} } }),
    '$.steps.b.model',
    'only params may be used here',
  ],
  [
    '101 steps',
    steps(Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`s${String(index)}`, still]))),
    '$.steps',
    '101 steps',
  ],
  ['300 KiB', steps({ a: { model: flux, input: { prompt: 'x'.repeat(300 * 1024) } } }), '$', 'may have 262144'],
  [
    'a forEach of 201',
    steps({ a: { ...still, forEach: Array.from({ length: 201 }, () => 1) } }),
    '$.steps.a.forEach',
    '201 items',
  ],
  [
    'a forEach of 201 from params',
    steps({ a: { ...still, forEach: 'params.l' } }, { l: { type: 'list' } }),
    '$.steps.a.forEach',
    '201 items',
    { l: Array.from({ length: 201 }, () => 1) },
  ],
  [
    'fan-outs above 500',
    steps(
      Object.fromEntries(
        ['a', 'b', 'c'].map((id) => [id, { ...still, forEach: Array.from({ length: 200 }, () => 1) }]),
      ),
    ),
    '$.steps',
    '600 orders',
  ],
  [
    'choices that are no texts',
    steps({ a: { approval: { choose: [1, 'x'] } } }),
    '$.steps.a.approval.choose[0]',
    'expected a list of texts',
  ],
  [
    'choices of one value',
    steps({ still, a: { approval: { choose: '${{ steps.still.image }}' } } }),
    '$.steps.a.approval.choose',
    'got string',
  ],
  [
    'more to be chosen than there is',
    steps({ a: { approval: { choose: ['x', 'y'], count: 3 } } }),
    '$.steps.a.approval.count',
    '3 are to be chosen out of 2',
  ],
  [
    'a queue deadline that is a number',
    steps({ a: { ...still, queueDeadline: 5 } }),
    '$.steps.a.queueDeadline',
    'expected a duration like "90s"',
  ],
  [
    'a queue deadline of banana',
    steps({ a: { ...still, queueDeadline: 'banana' } }),
    '$.steps.a.queueDeadline',
    'got "banana"',
  ],
  ['no attempts', steps({ a: { ...still, attempts: 0 } }), '$.steps.a.attempts', 'from 1 to 5, got 0'],
  [
    'an unknown rule',
    steps({ a: { ...still, onFailure: 'retry' } }),
    '$.steps.a.onFailure',
    'expected "fail", "continue" or',
  ],
  [
    'a number that is none',
    steps({ a: { model: flux, input: { prompt: 'x', seed: Number.NaN } } }),
    '$.steps.a.input.seed',
    'NaN',
  ],
  [
    'an unsafe integer',
    steps({ a: { model: flux, input: { prompt: 'x', seed: 2 ** 53 } } }),
    '$.steps.a.input.seed',
    '2^53',
  ],
  [
    '101 levels',
    steps({ a: { model: flux, input: { prompt: JSON.parse(`${'['.repeat(105)}${']'.repeat(105)}`) as unknown } } }),
    '$',
    'nested more than 100 levels',
  ],
  [
    'outputs of an approval',
    { ...steps({ a: { approval: {} } }), outputs: { v: '${{ steps.a.video }}' } },
    '$.outputs.v',
    'has no field "video"',
  ],
  [
    'a list in a text',
    steps({ a: { model: flux, input: { prompt: 'x ${{ params.l }}' } } }, { l: { type: 'list', default: [1] } }),
    '$.steps.a.input.prompt',
    'gives a list, which cannot stand inside of a text',
  ],
];

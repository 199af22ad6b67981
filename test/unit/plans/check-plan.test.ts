import { describe, expect, it } from 'vitest';
import { checkPlan, type CheckPlanOptions, type PlanReport } from '../../../plans/check-plan.ts';
import { parsePlanText } from '../../../plans/plan-text.ts';
import type { CatalogueModel } from '../../../runcomfy/schemas/catalogue.ts';

const kling = 'kling/kling-3.0/standard/image-to-video';
const flux = 'blackforestlabs/flux-2/flash/text-to-image';
const music = 'acestep-ai/ace-step-1.5/text-to-audio';

const catalogue: Record<string, CatalogueModel> = {
  [flux]: {
    modelId: flux,
    categories: ['text-to-image'],
    basePriceUsd: 0.01,
    priceUnit: 'image',
    inputSchema: {
      type: 'object',
      required: ['prompt'],
      properties: {
        prompt: { type: 'string' },
        seed: { type: 'integer', minimum: 0 },
        images: { type: 'array', items: { type: 'string', format: 'image_uri' } },
      },
    },
  },
  [music]: {
    modelId: music,
    categories: ['text-to-audio'],
    inputSchema: {
      type: 'object',
      required: ['tags'],
      properties: { tags: { type: 'string' }, duration: { type: 'number', minimum: 5, maximum: 300 } },
    },
  },
};

class NoSuchModel extends Error {}

const getModel = (id: string): Promise<CatalogueModel> => {
  const entry = catalogue[id];
  return entry ? Promise.resolve(entry) : Promise.reject(new NoSuchModel('HTTP 404'));
};

const options: CheckPlanOptions = { getModel, isUnknownModel: (error) => error instanceof NoSuchModel };

const check = (plan: unknown, params: Record<string, unknown> = {}): Promise<PlanReport> =>
  checkPlan(plan, { ...options, params });

const still = { model: flux, input: { prompt: 'a lighthouse' } };
const clip = { model: kling, input: { prompt: 'calm', start_image_url: '${{ steps.still.image }}', duration: 5 } };
const steps = (more: Record<string, unknown>, params?: Record<string, unknown>) => ({
  version: 1,
  ...(params && { params }),
  steps: more,
});

describe('a plan that is right', () => {
  const film = {
    version: 1,
    params: {
      scene: { type: 'string' },
      seconds: { type: 'integer', default: 5 },
      music: { type: 'boolean', default: true },
    },
    steps: {
      still: {
        model: flux,
        forEach: [1, 2, 3, 4],
        input: { prompt: '${{ params.scene }}, golden hour', seed: '${{ item }}' },
      },
      pick: {
        approval: {
          choose: '${{ steps.still.images }}',
          message: 'Which still?',
          deadline: '2d',
          onDeadline: 'reject',
        },
      },
      clip: {
        model: kling,
        input: { prompt: 'calm', start_image_url: '${{ steps.pick.choice }}', duration: '${{ params.seconds }}' },
        queueDeadline: '2m',
        attempts: 2,
        onFailure: {
          fallback: [{ model: kling, input: { prompt: 'calm', start_image_url: '${{ steps.pick.choice }}' } }],
        },
      },
      score: {
        if: 'params.music',
        model: music,
        input: { tags: 'calm', duration: '${{ params.seconds }}' },
        needs: ['clip'],
        onFailure: 'continue',
      },
    },
    outputs: { clip: '${{ steps.clip.video }}', score: '${{ steps.score.audio }}' },
  };

  it('passes, with defaults filled in, steps after their sources and each order as far as it is known', async () => {
    const { issues, warnings, checked } = await check(film, { scene: 'A lighthouse' });
    expect(issues).toEqual([]);
    expect(warnings).toEqual([]);
    expect(checked?.params).toEqual({ scene: 'A lighthouse', seconds: 5, music: true });
    expect(checked?.order).toEqual(['still', 'pick', 'clip', 'score']);
    expect(checked?.orders.map(({ step, rank, count }) => [step, rank, count])).toEqual([
      ['still', 0, 4],
      ['clip', 0, 1],
      ['clip', 1, 1],
      ['score', 0, 1],
    ]);
    expect(checked?.orders[0]?.inputs.map(({ input }) => input)).toEqual(
      [1, 2, 3, 4].map((seed) => ({ prompt: 'A lighthouse, golden hour', seed })),
    );
    expect(checked?.orders[1]?.inputs[0]?.openFields).toEqual([{ field: 'start_image_url', from: 'pick' }]);
  });

  it('passes without a catalogue, and says what could not be looked at', async () => {
    const { issues, warnings } = await checkPlan(film, { params: { scene: 'x' } });
    expect(issues).toEqual([]);
    expect(warnings).toContain(
      `$.steps.still.input could not be checked against the schema of ${flux} (no catalogue is at hand)`,
    );
  });

  it('may name a model by a param, insert text, and use what a step made as a list', async () => {
    const plan = steps(
      {
        still: { model: '${{ params.model }}', input: { prompt: 'x', images: ['${{ params.face }}'] } },
        more: {
          model: flux,
          forEach: 'steps.still.images',
          input: { prompt: 'no ${{ index }}', images: ['${{ item }}'] },
        },
      },
      { model: { type: 'string', default: flux }, face: { type: 'image', default: 'https://example.org/face.png' } },
    );
    const { issues, checked } = await check(plan);
    expect(issues).toEqual([]);
    expect(checked?.orders[1]?.count).toBeUndefined();
  });
});

/** What is wrong, where it is told, and words of the message. */
const refused: [string, unknown, string, string, Record<string, unknown>?][] = [
  ['null', null, '$', 'expected a plan { version, steps, … }, got null'],
  ['a list', [], '$', 'got a list of 0'],
  ['an empty object', {}, '$.steps', 'expected at least one step'],
  ['no steps', { version: 1 }, '$.steps', 'expected at least one step'],
  ['empty steps', steps({}), '$.steps', 'expected at least one step'],
  ['another version', { version: 2, steps: { still } }, '$.version', 'expected 1, got 2'],
  [
    'a misspelt field',
    steps({ a: { modle: flux, input: {} } }),
    '$.steps.a.modle',
    'unknown field; did you mean model',
  ],
  ['an unknown field of the plan', { ...steps({ still }), output: {} }, '$.output', 'did you mean outputs'],
  ['an id with a dash', steps({ 'my-clip': still }), '$.steps["my-clip"]', 'a letter or "_"'],
  ['an id that begins with a digit', steps({ '1st': still }), '$.steps["1st"]', 'a letter or "_"'],
  ['an id of 51 letters', steps({ ['a'.repeat(51)]: still }), `$.steps.${'a'.repeat(51)}`, 'up to 49'],
  ['a step of nothing', steps({ a: { needs: [] } }), '$.steps.a', 'expected a model, or an approval'],
  ['a step of both', steps({ a: { ...still, approval: {} } }), '$.steps.a', 'not both'],
  ['a malformed model id', steps({ a: { model: 'flux', input: {} } }), '$.steps.a.model', '2 to 5 segments'],
  [
    'a model that does not exist',
    steps({ a: { model: 'no/such', input: {} } }),
    '$.steps.a.model',
    'RunComfy has no model no/such',
  ],
  [
    'an unknown step',
    steps({ still, clip: { ...clip, input: { ...clip.input, start_image_url: '${{ steps.stil.image }}' } } }),
    '$.steps.clip.input.start_image_url',
    'no step "stil"; did you mean still',
  ],
  [
    'an unknown step in needs',
    steps({ still: { ...still, needs: ['clip'] } }),
    '$.steps.still.needs[0]',
    'no step "clip"',
  ],
  [
    'a step that refers to itself',
    steps({ a: { model: flux, input: { prompt: '${{ steps.a.image }}' } } }),
    '$.steps',
    'a → a',
  ],
  [
    'an unknown field of a step',
    steps({ still, b: { model: flux, input: { prompt: '${{ steps.still.imag }}' } } }),
    '$.steps.b.input.prompt',
    'has no field "imag"; did you mean image; it has phase',
  ],
  ['a cycle of two', steps({ a: { ...still, needs: ['b'] }, b: { ...still, needs: ['a'] } }), '$.steps', 'a → b → a'],
  [
    'a cycle through if and input',
    steps({
      a: { ...still, if: 'steps.c.phase == "x"' },
      b: { model: flux, input: { prompt: '${{ steps.a.image }}' } },
      c: { ...still, needs: ['b'] },
    }),
    '$.steps',
    'a → c → b → a',
  ],
  [
    'a syntax error',
    steps({ still, b: { model: flux, input: { prompt: '${{ steps.still. }}' } } }),
    '$.steps.b.input.prompt',
    'column 17',
  ],
  [
    'an expression that is not closed',
    steps({ a: { model: flux, input: { prompt: 'x ${{ params.a' } } }),
    '$.steps.a.input.prompt',
    'column 3: ${{ is not closed',
  ],
  [
    'a condition that is a number',
    steps({ a: { ...still, if: '${{ params.n }}' } }, { n: { type: 'integer', default: 1 } }),
    '$.steps.a.if',
    'expected bool, got int',
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

describe('a plan that is refused', () => {
  it.each(refused)('%s', async (_what, plan, path, words, params) => {
    const { issues, checked } = await check(plan, params);
    expect(checked).toBeUndefined();
    expect(issues.map((issue) => issue.path)).toContain(path);
    expect(
      issues
        .filter((issue) => issue.path === path)
        .map(({ message }) => message)
        .join('\n'),
    ).toContain(words);
  });

  it('tells every problem at once, and of 60 no more than 50', async () => {
    const wrong = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`s${String(index)}`, { modle: 'x' }]));
    const { issues } = await check(steps(wrong));
    expect(issues).toHaveLength(51);
    expect(issues.at(-1)?.message).toBe('and 10 more problems');
  });

  it('tells what is wrong with the params that are there, though others are missing', async () => {
    const plan = steps(
      { a: { model: flux, input: { prompt: '${{ params.scene }}', seed: '${{ params.seed }}' } } },
      { scene: { type: 'string' }, seed: { type: 'integer' } },
    );
    const { issues } = await check(plan, { seed: -1 });
    expect(issues.map(({ path }) => path)).toEqual(['$.params.scene', '$.steps.a.input.seed']);
  });

  it('lets an unknown input key pass with a warning', async () => {
    const { issues, warnings } = await check(steps({ a: { model: flux, input: { prompt: 'x', promt: 'y' } } }));
    expect(issues).toEqual([]);
    expect(warnings.join('\n')).toMatch(/\$\.steps\.a\.input: .*promt/);
  });

  it('warns of a step that nothing uses', async () => {
    const { warnings } = await check({ ...steps({ still, other: still }), outputs: { a: '${{ steps.still.image }}' } });
    expect(warnings).toEqual(['$.steps.other: nothing uses its result, neither a step nor the outputs']);
  });
});

describe('the text of a plan', () => {
  it.each([
    ['a tab as indentation', 'version: 1\nsteps:\n\ta: {}\n', /line 3, column 1/],
    ['a key twice', 'version: 1\nversion: 2\n', /line 2, column 1.*unique/],
    ['a tag that nobody knows', 'version: !secret 1\n', /line 1, column 10.*tag/i],
    [
      'an alias bomb',
      `a: &a [${'x,'.repeat(9)}x]\n${'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index] ?? ''},`.repeat(9)}]`)
        .join('\n')}\n`,
      /more than 100 aliases/,
    ],
    ['300 KiB', `a: ${'x'.repeat(300 * 1024)}`, /may have 262144/],
  ])('%s is refused with its place', (_what, text, message) => {
    const parsed = parsePlanText(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.issues[0]?.message).toMatch(message);
  });

  it('is YAML or JSON', () => {
    expect(parsePlanText('version: 1')).toEqual({ ok: true, value: { version: 1 } });
    expect(parsePlanText('{"version": 1}')).toEqual({ ok: true, value: { version: 1 } });
  });
});

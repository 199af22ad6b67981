import { describe, expect, it } from 'vitest';
import { checkPlan } from '../../../plans/check-plan.ts';
import { parsePlanText } from '../../../plans/plan-text.ts';
import { check, flux, kling, music, steps, still } from './plans-to-check.ts';
import { refusedForms } from './refused-forms.ts';
import { refusedValues } from './refused-values.ts';

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

  it('may name an amount that was computed, as a request may', async () => {
    const { issues } = await check(steps({ a: { ...still, maxPriceUsd: 333_333.2 * 3 } }));
    expect(issues).toEqual([]);
  });

  it('passes, with defaults filled in, steps after their sources and each order as far as it is known', async () => {
    const { issues, warnings, checked } = await check(film, { scene: 'A lighthouse' });
    expect(issues).toEqual([]);
    expect(warnings).toEqual([]);
    expect(checked?.params).toEqual({ scene: 'A lighthouse', seconds: 5, music: true });
    expect(checked?.sortedSteps).toEqual(['still', 'pick', 'clip', 'score']);
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

describe('a plan that is refused', () => {
  it.each([...refusedForms, ...refusedValues])('%s', async (_what, plan, path, words, params) => {
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

  it('tells no more than 50 warnings, however many there are', async () => {
    const odd = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`odd${String(index)}`, 1]));
    const many: [string, object][] = Array.from({ length: 20 }, (_, index) => [
      `s${String(index)}`,
      { model: flux, input: { prompt: 'x', ...odd } },
    ]);
    const { issues, warnings } = await check(steps(Object.fromEntries(many)));
    expect(issues).toEqual([]);
    expect(warnings).toHaveLength(51);
    expect(warnings.at(-1)).toMatch(/^and \d+ more warnings$/);
  });

  it('tells what is wrong with the params that are there, though others are missing', async () => {
    const plan = steps(
      { a: { model: flux, input: { prompt: '${{ params.scene }}', seed: '${{ params.seed }}' } } },
      { scene: { type: 'string' }, seed: { type: 'integer' } },
    );
    const { issues } = await check(plan, { seed: -1 });
    expect(issues.map(({ path }) => path)).toEqual(['$.params.scene', '$.steps.a.input.seed']);
  });

  it.each([
    ['take too long', '${{ params.l.filter(x, x > 3).size() }}'.repeat(4), 'takes too long'],
    ['give too much', '${{ params.t + params.t + params.t }}', 'give more than 262144 bytes together'],
  ])('refuses expressions that only together %s, as the run would', async (_what, text, words) => {
    const params = { l: Array.from({ length: 19_000 }, () => 1), t: 'x'.repeat(50_000) };
    const report = (name: 'l' | 't', input: object) =>
      check(steps({ a: { model: flux, input } }, { [name]: { type: name === 'l' ? 'list' : 'string' } }), {
        [name]: params[name],
      });
    const name = text.includes('params.l') ? 'l' : 't';
    expect((await report(name, { prompt: text })).issues).toEqual([]);
    const seed = `\${{ size(params.${name}) }}`;
    const { issues } = await report(name, { prompt: text, again: text, seed });
    expect(issues.map(({ path }) => path)).toEqual(['$.steps.a.input.again']);
    expect(issues[0]?.message).toContain(words);
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
      /more than 20000 values/,
    ],
    ['101 aliases', `a: &a 1\nb: [${'*a,'.repeat(101)}]\n`, /^line 2, column 305: there are more than 100 aliases$/],
    [
      'a long text that aliases of aliases repeat',
      `a: &a ${'x'.repeat(10_000)}\nb: &b [${'*a,'.repeat(9)}]\nc: [${'*b,'.repeat(9)}]\n`,
      /has more than 262144 characters, with what its aliases repeat/,
    ],
    ['an alias of what it stands in', 'a: &a [*a]\n', /./],
    ['a known tag', 'a: 1\nb: !!str 2\n', /^line 2, column 10: tag tag:yaml.org,2002:str is not offered$/],
    ['a tag of bytes', 'a: !!binary aGk=\n', /tag:yaml.org,2002:binary/],
    ['a tag of a set', 'a: !!set {x, y}\n', /tag:yaml.org,2002:set/],
    ['a tag of a map', 'a: !!map {x: 1}\n', /tag:yaml.org,2002:map/],
    ['a tag of nothing', 'a: ! 1\n', /tag ! /],
    ['YAML 1.1', '%YAML 1.1\n---\na: yes\n', /^expected YAML 1.2, got 1.1$/],
    ['an alias of nothing', 'a: *b\n', /alias.*: b/i],
    ['a list as a key', '? [a, b]\n: 1\n', /line 1, column 3: .*strings/],
    ['a second document', 'version: 1\n---\nversion: 1\n', /line 2, column 1: a second document begins here/],
    ['300 KiB', `a: ${'x'.repeat(300 * 1024)}`, /may have 262144/],
  ])('%s is refused with its place', (_what, text, message) => {
    const parsed = parsePlanText(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.issues[0]?.message).toMatch(message);
  });

  it('is YAML or JSON', () => {
    expect(parsePlanText('version: 1')).toEqual({ ok: true, value: { version: 1 } });
    expect(parsePlanText('{"version": 1}')).toEqual({ ok: true, value: { version: 1 } });
    expect(parsePlanText('%YAML 1.2\n---\nversion: 1')).toEqual({ ok: true, value: { version: 1 } });
  });

  it('may have 100 aliases, of one anchor or of several, one in another', () => {
    const read = (text: string) => {
      const parsed = parsePlanText(text);
      return parsed.ok ? JSON.stringify(parsed.value).length : parsed.issues;
    };
    expect(read(`a: &a x\nb: [${'*a,'.repeat(100)}]\n`)).toBe(415);
    expect(read(`a: &a x\nb: &b y\nc: [${'*a,*b,'.repeat(50)}]\n`)).toBe(423);
    expect(read(`a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`)).toBe(34_579);
    expect(parsePlanText(`a: &a x\nb: [${'*a,'.repeat(60)}]\nc: &c y\nd: [${'*c,'.repeat(60)}]\n`).ok).toBe(false);
  });

  it('warns of files that may be gone when a person has decided at last', async () => {
    const waits = (deadline: string, use: object) => ({
      version: 1,
      steps: { still, pick: { approval: { choose: '${{ steps.still.images }}', deadline } }, ...use },
    });
    const clip = (image: string, more: object = {}) => ({
      clip: { model: kling, input: { prompt: 'calm', start_image_url: image, duration: 5 }, ...more },
    });
    const told = async (plan: object) =>
      (await check(plan)).warnings.filter((warning) => warning.includes('approval.deadline'));
    expect(await told(waits('8d', clip('${{ steps.pick.choice }}')))).toEqual([
      '$.steps.pick.approval.deadline: longer than a week, and files that step clip uses may be kept no longer',
    ]);
    expect(await told(waits('8d', clip('${{ steps.still.image }}', { needs: ['pick'] })))).toHaveLength(1);
    expect(await told(waits('7d', clip('${{ steps.pick.choice }}')))).toEqual([]);
    expect(await told(waits('8d', clip('https://example.org/a.png', { needs: ['pick'] })))).toEqual([]);
    expect(await told(waits('8d', clip('${{ steps.still.image }}')))).toEqual([]);
  });
});

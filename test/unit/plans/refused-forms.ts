import { clip, flux, steps, still } from './plans-to-check.ts';

/** What is wrong, where it is told, words of the message, and the params. */
export type RefusedPlan = [string, unknown, string, string, Record<string, unknown>?];

export const refusedForms: RefusedPlan[] = [
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
  ['an id that no expression can name', steps({ constructor: still }), '$.steps.constructor', 'constructor'],
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
];

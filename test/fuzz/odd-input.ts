/** Inputs that are huge or odd, by name. */
export const oddities = [
  'plain',
  'a huge prompt',
  'a huge key',
  'very many values',
  'nested deep',
  'half a character',
  'control characters',
  'a number that JSON rounds',
  'names of the prototype',
  'wrong types',
] as const;

/** One of `oddities`. */
export type Oddity = (typeof oddities)[number];

/** An input of that oddity, told from others by its prompt. */
export function oddInput(oddity: Oddity, prompt: string): Record<string, unknown> {
  switch (oddity) {
    case 'plain':
      return { prompt };
    case 'a huge prompt':
      return { prompt: `${prompt}${' and a cat'.repeat(40_000)}` };
    case 'a huge key':
      return { prompt, ['k'.repeat(300_000)]: 'image' };
    case 'very many values':
      return { prompt, seeds: Array.from({ length: 30_000 }, (_, index) => index) };
    case 'nested deep':
      return { prompt, deep: JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as unknown };
    case 'half a character':
      return { prompt: `${prompt} \ud83d` };
    case 'control characters':
      return { prompt: `${prompt}\u0000\u001b[2J\u2028` };
    case 'a number that JSON rounds':
      return { prompt, seed: 2 ** 60 };
    case 'names of the prototype':
      return { prompt, constructor: 'x', toString: 1, ['__proto__']: { polluted: true } };
    case 'wrong types':
      return { prompt, image_size: [null, { width: 'wide' }], num_images: -1.5 };
  }
}

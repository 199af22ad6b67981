import { describe, expect, it } from 'vitest';
import { compileInputSchema, toPlainSchema, validateInput } from '../../../../runcomfy/models/index.ts';

const object = (properties: Record<string, unknown>, required: string[] = []) => ({
  type: 'object',
  required,
  properties,
});
const paths = (schema: Record<string, unknown>, input: Record<string, unknown>) =>
  compileInputSchema(schema)
    .check(input)
    .issues.map(({ path }) => path);

describe("RunComfy's dialect of JSON Schema", () => {
  it('reads float as a number, nested too', () => {
    const schema = object({
      a: { type: 'float', maximum: 1 },
      b: { type: 'array', items: object({ c: { type: 'float' } }) },
    });
    expect(paths(schema, { a: 0.5, b: [{ c: 1.5 }] })).toEqual([]);
    expect(paths(schema, { a: 1.5, b: [{ c: 'x' }] })).toEqual(['$.a', '$.b[0].c']);
  });

  it('takes null where null is the published default, and only there', () => {
    const schema = object({ seed: { type: 'integer', default: null }, steps: { type: 'integer', default: 5 } });
    expect(paths(schema, { seed: null })).toEqual([]);
    expect(paths(schema, { seed: 'x', steps: null })).toEqual(['$.seed', '$.steps']);
  });

  it('counts the items of a list that has no items schema', () => {
    const schema = object({ image_urls: { type: 'array', format: 'image_uris', maxItems: 2, minItems: 1 } });
    expect(paths(schema, { image_urls: ['a', 'b', 'c'] })).toEqual(['$.image_urls']);
    expect(paths(schema, { image_urls: [] })).toEqual(['$.image_urls']);
    expect(paths(schema, { image_urls: ['a'] })).toEqual([]);
  });

  it('lets a required name that is no property pass, with a warning', () => {
    const schema = object({ images: { type: 'array' }, prompt: { type: 'string' } }, ['image_urls', 'prompt']);
    const { issues, warnings } = compileInputSchema(schema).check({ images: [] });
    expect(issues.map(({ path }) => path)).toEqual(['$.prompt']);
    expect(warnings).toEqual([expect.stringContaining('$.image_urls')]);
  });

  it('asks for a required field even when it has a default', () => {
    expect(paths(object({ duration: { type: 'integer', default: 5 } }, ['duration']), {})).toEqual(['$.duration']);
  });

  it('knows enums of numbers, of numeric strings and of one value', () => {
    const schema = object({
      duration: { type: 'integer', enum: [3, 4, 5] },
      length: { type: 'string', enum: ['auto', '5', '6'] },
      mode: { type: 'string', enum: ['only'] },
    });
    expect(paths(schema, { duration: 4, length: '5', mode: 'only' })).toEqual([]);
    const { issues } = compileInputSchema(schema).check({ duration: 6, length: 5, mode: 'other' });
    expect(issues).toEqual([
      { path: '$.duration', message: 'expected one of 3, 4, 5, got 6' },
      { path: '$.length', message: 'expected one of "auto", "5", "6", got 5' },
      { path: '$.mode', message: 'expected "only", got "other"' },
    ]);
  });

  it('says how long a text is that is too long', () => {
    const { issues } = compileInputSchema(object({ prompt: { type: 'string', maxLength: 3 } })).check({
      prompt: 'abcde',
    });
    expect(issues).toEqual([{ path: '$.prompt', message: 'expected a string of at most 3 characters, got one of 5' }]);
  });

  it('ignores formats, validations and other words that it does not know', () => {
    const image = {
      type: 'string',
      format: 'image_uri',
      validations: [{ validation_rule: 'file_size_mb<', validation_value: 30 }],
    };
    expect(
      paths(object({ image, text: { type: 'string', format: 'str', 'x-order': 3, not: {} } }), {
        image: 'a',
        text: 'b',
      }),
    ).toEqual([]);
  });

  it('leaves patterns to RunComfy: one could hang the process on a text of 40 characters', () => {
    const schema = object({ size: { type: 'string', pattern: '^(a+)+$' } });
    expect(paths(schema, { size: 'b' })).toEqual([]);
    expect(paths(schema, { size: `${'a'.repeat(40)}!` })).toEqual([]);
    expect(toPlainSchema(schema)).toMatchObject({ properties: { size: { type: 'string' } } });
    expect(JSON.stringify(toPlainSchema(schema))).not.toContain('pattern');
  });

  it('does not take a property that is named like a keyword for the keyword', () => {
    const schema = object({ default: { type: 'integer' }, format: { type: 'string' }, required: { type: 'boolean' } });
    expect(paths(schema, { default: 'x', format: 1, required: 'y' })).toEqual(['$.default', '$.format', '$.required']);
  });

  it('never refuses an unknown key, even where the schema closes the object', () => {
    const schema = { ...object({ prompt: { type: 'string' } }), additionalProperties: false };
    const { issues, warnings } = compileInputSchema(schema).check({ prompt: 'a', promp: 'b' });
    expect(issues).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('"prompt"')]);
  });

  it('takes either of two shapes', () => {
    const size = { anyOf: [{ type: 'string', enum: ['square'] }, object({ width: { type: 'integer' } })] };
    expect(paths(object({ size }), { size: { width: 3 } })).toEqual([]);
    expect(compileInputSchema(object({ size })).check({ size: 4 }).issues).toEqual([
      { path: '$.size', message: 'expected "square" or an object, got 4' },
    ]);
  });

  it.each([
    ['no schema at all', {}],
    ['a list', { type: 'array', items: {} }],
    ['a schema of references', { $ref: 'https://example.com/schema.json' }],
    ['properties that are no object', { type: 'object', properties: ['prompt'] }],
  ])('lets every input pass with a warning when the schema is %s', (_name, schema) => {
    const { issues, warnings } = compileInputSchema(schema).check({ anything: 1 });
    expect(issues).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('cannot be used')]);
  });

  it('warns of a type that it does not know and checks the rest', () => {
    const { issues, warnings } = compileInputSchema(object({ a: { type: 'tensor' }, b: { type: 'integer' } })).check({
      a: 1,
      b: 'x',
    });
    expect(issues.map(({ path }) => path)).toEqual(['$.b']);
    expect(warnings).toEqual([expect.stringContaining('"tensor"')]);
  });

  it('serves the same schema again without compiling it anew', () => {
    const schema = object({ a: { type: 'string' } });
    expect(compileInputSchema(schema)).toBe(compileInputSchema(schema));
  });
});

describe('rules for models that are not bundled', () => {
  const entry = (inputSchema: Record<string, unknown>, modelId = 'wan-ai/wan-3.0/image-to-video') => ({
    modelId,
    categories: [],
    inputSchema,
  });

  it('holds media fields to public https URLs, by format and by name', () => {
    const schema = object({
      image: { type: 'string', format: 'image_uri' },
      videos: { type: 'array', format: 'video_uris' },
      image_url_2: { type: 'string' },
      prompt: { type: 'string' },
    });
    const input = {
      image: 'http://a.example.com/x',
      videos: ['https://10.0.0.1/v'],
      image_url_2: 'nope',
      prompt: 'http://is.text',
    };
    const { issues } = validateInput('wan-ai/wan-3.0/image-to-video', input, entry(schema));
    expect(issues.map(({ path }) => path)).toEqual(['$.image', '$.videos[0]', '$.image_url_2']);
  });

  it('holds media fields to public https URLs without any schema', () => {
    const { issues } = validateInput('a/b', { refs: [{ img_url: 'https://192.168.0.1/x.png' }], note: 'http://x' });
    expect(issues.map(({ path }) => path)).toEqual(['$.refs[0].img_url']);
  });

  it('only warns of a blank required text, whose meaning is the model’s', () => {
    const { issues, warnings } = validateInput(
      'a/b',
      { tags: ' ' },
      entry(object({ tags: { type: 'string' } }, ['tags']), 'a/b'),
    );
    expect(issues).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('$.tags')]);
  });

  it("applies Kling's rule of segments to other Kling models by their own defaults", () => {
    const segment = object({ duration: { type: 'integer', default: 5 } });
    const schema = object({
      duration: { type: 'integer', default: 5 },
      multi_prompt: { type: 'array', items: segment },
    });
    const model = 'kling/kling-3.0/pro/text-to-video';
    expect(validateInput(model, { multi_prompt: [{}] }, entry(schema, model)).issues).toEqual([]);
    expect(validateInput(model, { multi_prompt: [{}, {}] }, entry(schema, model)).issues).toHaveLength(1);
    expect(validateInput('a/b', { multi_prompt: [{}, {}] }, entry(schema, 'a/b')).issues).toEqual([]);
  });
});

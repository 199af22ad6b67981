import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createGatewayCatalogue } from '../../../cli/gateway-catalogue.ts';
import { walkJson } from '../../../domain/json.ts';
import type { RunComfyClient, VerbatimReads } from '../../../runcomfy/client.ts';
import { RunComfyError } from '../../../runcomfy/errors.ts';
import { toPlainSchema } from '../../../runcomfy/models/index.ts';
import { catalogueModel } from '../../../runcomfy/schemas/catalogue.ts';
import { listEntries } from '../../../simulator/catalogue/catalogue.ts';
import { kling } from '../../support/simulator-client.ts';

const catalogueWhere = (error: Error) =>
  createGatewayCatalogue({ modelApiBase: 'http://127.0.0.1:9/v1' }, {
    getModel: () => Promise.reject(error),
  } as unknown as RunComfyClient & VerbatimReads);

const input = { prompt: 'a cat', duration: 5 };

it('a price that the catalogue may tell later is not told as unknown', async () => {
  const slow = catalogueWhere(new RunComfyError('ServiceUnavailable', 'too slow'));
  await expect(slow.price('some/other', input)).rejects.toThrow('too slow');
  expect(await slow.price(kling, input)).toMatchObject({ usd: expect.any(Number) });
  const without = catalogueWhere(new RunComfyError('ProtocolMismatch', 'no entry'));
  expect(await without.price('some/other', input)).toEqual({ basis: 'unknown' });
  const offline = createGatewayCatalogue({ modelApiBase: 'http://127.0.0.1:9/v1' }, undefined);
  expect(await offline.price('some/other', input)).toEqual({ basis: 'unknown' });
});

it('tells every model in plain JSON Schema, whose defaults are what counts where a field is left out', async () => {
  const models = new Map(listEntries({}).map((raw) => [raw.model_id, catalogueModel.parse(raw)]));
  const found = (model: string) => models.get(model);
  const runcomfy = {
    getModel: (model: string) => Promise.resolve(found(model)),
    listModels: () => Promise.resolve({ models: [...models.values()], total: models.size }),
  };
  const catalogue = createGatewayCatalogue(
    { modelApiBase: 'http://127.0.0.1:9/v1' },
    runcomfy as unknown as RunComfyClient & VerbatimReads,
  );
  const { models: listed } = await catalogue.list({ limit: 100, offset: 0 });
  expect(listed).toHaveLength(models.size);
  const ajv = new Ajv2020({ strict: true, keywords: ['x-runcomfy-format'] });
  for (const one of listed) {
    expect(await catalogue.entry(one.modelId)).toEqual(one);
    expect(ajv.compile(one.inputSchema ?? {}), one.modelId).toBeTypeOf('function');
    for (const { path, value } of walkJson(one.inputSchema)) {
      expect([null, 'float'], `${one.modelId} ${path}`).not.toContain(value);
    }
  }
  const { properties } = listed.find(({ modelId }) => modelId === kling)?.inputSchema ?? {};
  expect(properties).toMatchObject({
    prompt: { title: 'Промпт', type: 'string', examples: [expect.stringContaining('Bring this still')] },
    start_image_url: { examples: [expect.stringMatching(/^https:/)] },
    multi_prompt: { items: { properties: { duration: { 'x-runcomfy-format': 'int_slider_with_range', default: 5 } } } },
    elements: { items: { properties: { video_url: { 'x-runcomfy-format': 'video_uri' } } } },
    duration: { default: 10 },
    cfg_scale: { type: 'number', default: 0.5 },
  });
  for (const sample of ['prompt', 'start_image_url']) expect(properties).not.toHaveProperty([sample, 'default']);
});

it.each([
  ['what may be null', { type: 'integer', default: null }, { type: ['integer', 'null'] }],
  ['a word or null', { enum: ['a'], default: null }, { anyOf: [{ enum: ['a'] }, { type: 'null' }] }],
  [
    'of several kinds',
    { oneOf: [{ type: 'float' }, { title: 'A', type: 'string' }] },
    {
      anyOf: [{ type: 'number' }, { title: 'A', type: 'string' }],
    },
  ],
  [
    'a list of media',
    { type: 'array', format: 'image_uris', default: ['https://a.b/c.png'] },
    {
      type: 'array',
      items: {},
      'x-runcomfy-format': 'image_uris',
      examples: [['https://a.b/c.png']],
    },
  ],
  [
    'any more fields',
    { type: 'object', additionalProperties: { type: 'float' } },
    {
      type: 'object',
      additionalProperties: { type: 'number' },
    },
  ],
  ['what nobody knows', { type: 'odd', minimum: 1, validations: [{}] }, { minimum: 1 }],
])('words %s in plain JSON Schema', (_what, field, plain) => {
  expect(toPlainSchema({ type: 'object', properties: { field }, required: ['field', 'absent'] })).toEqual({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { field: plain },
    required: ['field'],
  });
});

it('asks for the wallet once for all who ask within a second, and anew where it could not be told', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let asked = 0;
  let isAway = false;
  const balance = () => {
    asked += 1;
    return isAway ? Promise.reject(new Error('away')) : Promise.resolve({ usd: asked, readAt: 'now' });
  };
  const { wallet } = createGatewayCatalogue({ modelApiBase: 'http://127.0.0.1:9/v1' }, {
    balance,
  } as unknown as RunComfyClient & VerbatimReads);
  const all = await Promise.all(Array.from({ length: 20 }, () => wallet()));
  expect(all).toEqual(Array.from({ length: 20 }, () => ({ usd: 1, readAt: 'now' })));
  vi.advanceTimersByTime(999);
  expect(await wallet()).toMatchObject({ usd: 1 });
  isAway = true;
  vi.advanceTimersByTime(2);
  await expect(wallet()).rejects.toThrow('away');
  isAway = false;
  expect(await wallet()).toMatchObject({ usd: 3 });
});

import { describe, expect, it } from 'vitest';
import { findBundledModel } from '../../../runcomfy/models/index.ts';
import { catalogueWith } from '../../../simulator/catalogue/catalogue.ts';
import { kling, startTestSimulator } from '../../support/simulator-client.ts';

describe('catalogue', () => {
  it('lists models by pages with the total', async () => {
    const { call } = await startTestSimulator();
    const { json } = await call('GET', '/v1/models?limit=3&offset=2');
    const all = await call('GET', '/v1/models?limit=500&include_schema=true');
    const models = all.json['models'] as { model_id: string; input_schema: object }[];
    expect(json['total']).toBe(models.length);
    expect((json['models'] as { model_id: string }[]).map((model) => model.model_id)).toEqual(
      models.slice(2, 5).map((model) => model.model_id),
    );
    expect((json['models'] as object[])[0]).not.toHaveProperty('input_schema');
    expect(models.every((model) => 'type' in model.input_schema)).toBe(true);
    expect(new Set(models.map((model) => model.model_id)).size).toBe(models.length);
  });

  it('searches id, name and description, and filters by category and kind', async () => {
    const { call } = await startTestSimulator();
    const idsOf = async (query: string) =>
      ((await call('GET', `/v1/models?${query}`)).json['models'] as { model_id: string }[]).map((m) => m.model_id);
    expect(await idsOf('search=KLING-3.0/STANDARD/image')).toEqual([kling]);
    expect(await idsOf('category=text-to-audio')).toContain('elevenlabs/elevenlabs/music-generation');
    expect(await idsOf('category=text-to-audio')).not.toContain(kling);
    expect(await idsOf('kind=workflow')).toEqual([]);
  });

  it('lists a model once, with its own schema, when it comes with the product from now on', () => {
    const bundled = findBundledModel(kling);
    if (!bundled) throw new Error(`${kling} does not come with the product`);
    const further = { ...bundled, modelId: 'kling/kling-3.0/pro/image-to-video' };
    expect(catalogueWith([]).map(({ model_id: id }) => id)).toContain(further.modelId);
    const found = catalogueWith([further]).filter(({ model_id: id }) => id === further.modelId);
    expect(found.map(({ input_schema: schema }) => schema)).toEqual([bundled.inputSchema]);
  });

  it.each(['limit=0', 'limit=501', 'limit=x', 'offset=-1'])('refuses %s', async (query) => {
    const { call } = await startTestSimulator();
    expect((await call('GET', `/v1/models?${query}`)).status).toBe(422);
  });

  it('has the route of the categories before that of an id', async () => {
    const { call } = await startTestSimulator();
    const { json } = await call('GET', '/v1/models/categories');
    expect(json['categories']).toEqual(expect.arrayContaining(['image-to-video', 'text-to-audio', 'text-to-image']));
  });

  it('gives one model with its schema, its defects included', async () => {
    const { call } = await startTestSimulator();
    const { json } = await call('GET', '/v1/models/bytedance/seedream-4-5/edit');
    const schema = json['input_schema'] as { required: string[]; properties: object };
    expect(schema.required).toContain('image_urls');
    expect(schema.properties).not.toHaveProperty('image_urls');
    expect((await call('GET', `/v1/models/${kling}`)).json).toMatchObject({
      base_price_usd: 0.126,
      price_unit: 'second',
      required_inputs: ['prompt', 'start_image_url'],
      input_schema: { properties: { cfg_scale: { type: 'float' } } },
    });
    expect((await call('GET', '/v1/models/nobody/nothing')).json['error_code']).toBe(400001);
  });

  it('offers images, videos and audio', async () => {
    const { clock, submit, result } = await startTestSimulator();
    const image = await submit('openai/gpt-image-2/edit', {
      prompt: 'x',
      images: ['https://images.example.com/a.png'],
    });
    const video = await submit('wan-ai/wan-2.7/text-to-video', { prompt: 'x' });
    const audio = await submit('acestep-ai/ace-step-1.5/text-to-audio', { tags: 'lofi' });
    const several = await submit('wan-ai/wan-2.7/text-to-image', { prompt: 'x', max_images: 3 });
    clock.tick(2_000);
    expect(Object.keys((await result(image))['output'] as object)).toEqual(['image']);
    expect(Object.keys((await result(video))['output'] as object)).toEqual(['video']);
    expect(Object.keys((await result(audio))['output'] as object)).toEqual(['audio']);
    expect((await result(several))['output']).toEqual({
      images: [expect.any(String), expect.any(String), expect.any(String)],
    });
  });
});

import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { clientOf, errorOf, model, reply, serve, token } from '../../support/http-servers.ts';

const vendor = (error_code: number | string, error_message = 'vendor words') => ({ error_code, error_message });

const answering = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const server = await serve((response) => {
    reply(response, status, body, headers);
  });
  return { server, client: clientOf(server.port) };
};

describe('the catalogue', () => {
  it('is read by page, search and kind', async () => {
    const { server, client } = await answering(200, {
      models: [{ model_id: 'a/b', base_price_usd: '0.5' }, { nothing: 1 }],
      total: 384,
    });
    const page = await client.listModels({
      limit: 2,
      offset: 4,
      search: 'a b',
      category: 'x',
      kind: 'model',
      includeSchema: true,
    });
    expect(page).toEqual({ models: [{ modelId: 'a/b', categories: [], basePriceUsd: 0.5 }], total: 384 });
    await client.listModels();
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/v1/models?limit=2&offset=4&search=a+b&category=x&kind=model&include_schema=true',
      '/v1/models',
    ]);
  });

  it('holds up no close that is abrupt', async () => {
    const came = new EventEmitter();
    const { port } = await serve(() => came.emit('request'));
    const client = clientOf(port);
    const failed = errorOf(client.listModels());
    await once(came, 'request');
    await client.close({ isAbrupt: true });
    expect((await failed).message).toMatch(/destroyed/);
  });

  it('lists its categories', async () => {
    const { server, client } = await answering(200, { categories: ['text-to-image', 7, 'edit-video'] });
    expect(await client.listCategories()).toEqual(['text-to-image', 'edit-video']);
    expect(server.seen[0]?.path).toBe('/v1/models/categories');
  });

  it('gives one model', async () => {
    const { server, client } = await answering(200, {
      model_id: model,
      input_schema: { type: 'object' },
      categories: null,
      price_unit: 'second',
    });
    expect(await client.getModel(model)).toEqual({
      modelId: model,
      categories: [],
      priceUnit: 'second',
      inputSchema: { type: 'object' },
    });
    expect(server.seen[0]?.path).toBe(`/v1/models/${model}`);
  });

  it.each([
    [404, vendor(404001)],
    [400, vendor(400001)],
  ])('refuses a model that it does not know (HTTP %i)', async (status, body) => {
    const { client } = await answering(status, body);
    expect(await errorOf(client.getModel('a/b'))).toMatchObject({ type: 'InvalidInput', httpStatus: status });
  });
});

describe('the balance', () => {
  it.each([
    [
      { balance_usd: 98.74, balance_microdollars: 98_740_000, currency: 'USD' },
      { usd: 98.74, microdollars: 98_740_000, currency: 'USD' },
    ],
    [
      { balance_usd: 0, balance_microdollars: 0 },
      { usd: 0, microdollars: 0 },
    ],
    [{ balance_usd: '-1.5' }, { usd: -1.5, microdollars: -1_500_000 }],
    [{ balance_microdollars: 250_000 }, { usd: 0.25, microdollars: 250_000 }],
  ])('is read from %j', async (body, balance) => {
    const { server, client } = await answering(200, body);
    expect(await client.balance()).toEqual({ ...balance, readAt: expect.any(String) });
    expect(server.seen[0]?.path).toBe('/prod/v2/balance');
  });

  it('is no balance without a figure', async () => {
    const { client } = await answering(200, { balance_usd: null });
    expect((await errorOf(client.balance())).type).toBe('ProtocolMismatch');
  });

  it('is not asked of an address that nobody gave', async () => {
    const { createRunComfyClient } = await import('../../../runcomfy/client.ts');
    const client = createRunComfyClient({ modelApiBase: 'http://127.0.0.1:1/v1', token: () => token });
    expect((await errorOf(client.balance())).message).toContain('RUNCOMFY_SERVERLESS_API_BASE');
  });
});

describe('the base address', () => {
  it.each([
    '',
    'model-api.runcomfy.net/v1',
    'ftp://x/v1',
    'https://user:secret@x.example/v1',
    'https://x.example/v1?a=1',
  ])('is refused when it cannot be called (%j)', (modelApiBase) => {
    const create = () => clientOf(1, { modelApiBase });
    expect(create).toThrow(/modelApiBase is no base address/);
    expect(create).not.toThrow(/secret/);
  });

  it('may end in a slash', async () => {
    const { server } = await answering(200, { status: 'in_queue' });
    await clientOf(server.port, { modelApiBase: `http://127.0.0.1:${String(server.port)}/v1/` }).status('a1b2');
    expect(server.seen[0]?.path).toBe('/v1/requests/a1b2/status');
  });
});

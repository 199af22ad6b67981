import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CodecServerOptions, createEncryptionCodec, serveCodec } from '../../../codec/index.ts';

const codec = createEncryptionCodec({ keys: { k: randomBytes(32) }, activeKeyId: 'k' });
const uiOrigin = 'http://localhost:8233';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const plain = { metadata: { encoding: base64('json/plain') }, data: base64('{"prompt":"a cat"}') };

async function start(options: Partial<CodecServerOptions> = {}) {
  const server = await serveCodec({ codec, port: 0, uiOrigin, ...options });
  onTestFinished(() => server.close());
  return async (path: string, body: unknown, headers: Record<string, string> = {}, method = 'POST') => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method === 'POST' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      json: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
  };
}

describe('the codec server', () => {
  it('encrypts and decrypts payloads as JSON, below any path', async () => {
    const call = await start();
    const sealed = await call('/encode', { payloads: [plain] });
    expect(sealed.status).toBe(200);
    expect(JSON.stringify(sealed.json)).not.toContain(plain.data);
    const opened = await call('/some/namespace/decode', sealed.json);
    expect(opened.json).toEqual({ payloads: [plain] });
  });

  it("lets pages of the UI's origin ask, and no others", async () => {
    const call = await start();
    const asked = await call('/decode', { payloads: [plain] }, { origin: uiOrigin });
    expect(asked.headers.get('access-control-allow-origin')).toBe(uiOrigin);
    const preflight = await call('/decode', undefined, { origin: uiOrigin }, 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-namespace');
    const foreign = await call('/decode', { payloads: [plain] }, { origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('demands the bearer token where there is one, but not for a preflight', async () => {
    const call = await start({ bearerToken: 'let-me-in' });
    expect((await call('/decode', { payloads: [plain] })).status).toBe(401);
    expect((await call('/decode', { payloads: [plain] }, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await call('/decode', { payloads: [plain] }, { authorization: 'Bearer let-me-in' })).status).toBe(200);
    expect((await call('/decode', undefined, { origin: uiOrigin }, 'OPTIONS')).status).toBe(204);
  });

  it('will not serve the network without a bearer token', async () => {
    await expect(serveCodec({ codec, port: 0, host: '0.0.0.0' })).rejects.toThrow(/bearer token/);
  });

  it('says what is wrong with a call', async () => {
    const call = await start();
    expect((await call('/elsewhere', {})).status).toBe(404);
    expect((await call('/decode', undefined, {}, 'GET')).status).toBe(405);
    for (const body of ['{', '[]', { payloads: 7 }, { payloads: [7] }, { payloads: [{ metadata: { encoding: 1 } }] }]) {
      expect((await call('/decode', body)).status).toBe(400);
    }
    const unknown = { metadata: { encoding: base64('binary/encrypted') }, data: '' };
    expect(await call('/decode', { payloads: [unknown] })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('another codec') },
    });
  });
});

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDeliverWebhook } from '../../activities/webhooks/deliver-webhook.ts';
import { createGuardedAgent, createOpenAgent } from '../../activities/webhooks/guarded-agent.ts';
import type { DeliveryQuestion } from '../../domain/webhook/webhook.ts';

const secrets = [32, 24].map((length, at) => `whsec_${Buffer.alloc(length, at + 1).toString('base64')}`);
const webhookId = 'evt_run_generation.succeeded';
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

interface Received {
  headers: IncomingMessage['headers'];
  method: string | undefined;
  url: string | undefined;
  body: string;
}

/** A receiver on loopback and what came there. */
async function receiver(answer: (response: ServerResponse) => void) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { headers, method, url } = request;
      received.push({ headers, method, url, body: Buffer.concat(chunks).toString() });
      answer(response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { received, host: `127.0.0.1:${String(port)}`, port };
}

function question(url: string, more: Partial<DeliveryQuestion> = {}): DeliveryQuestion {
  const data = { key: 'k', runId: 'r', model: 'a/b', phase: 'succeeded', submission: 'accepted' } as const;
  const body = { type: 'generation.succeeded', timestamp: '2026-11-26T05:00:00.000Z', data } as const;
  return { webhookId, url, secret: 'acme', body, ...more };
}

const deps = (allowedHosts: string[] = [], known = secrets) => ({
  secretsOf: (name: string) => Promise.resolve(name === 'acme' ? known : undefined),
  allowedHosts,
  userAgent: 'runcomfy-temporal/test',
});

/** Written from the specification alone. */
function signatureOf(secret: string, { headers, body }: Received): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

describe('an attempt to deliver', () => {
  it('is one POST, signed by every secret of its name, the first one first', async () => {
    const { received, host } = await receiver((response) => response.writeHead(204).end());
    const answer = await createDeliverWebhook(deps([host]))(question(`http://${host}/in?token=t`));
    expect(answer).toMatchObject({ verdict: 'delivered', httpStatus: 204 });
    const [only] = received;
    if (only === undefined || received.length > 1) throw new Error('expected one request');
    expect(only).toMatchObject({ method: 'POST', url: '/in?token=t' });
    expect(JSON.parse(only.body)).toEqual(question('').body);
    expect(only.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'runcomfy-temporal/test',
      'webhook-id': webhookId,
      'webhook-signature': secrets.map((secret) => signatureOf(secret, only)).join(' '),
    });
    const sentAt = Number(only.headers['webhook-timestamp']) * 1_000;
    expect(Math.abs(sentAt - Date.parse(answer.at))).toBeLessThan(60_000);
  });

  it.each([
    [200, {}, { verdict: 'delivered', httpStatus: 200 }],
    [410, {}, { verdict: 'gone', httpStatus: 410 }],
    [429, { 'retry-after': '120' }, { verdict: 'failed', retryAfterMs: 120_000 }],
    [503, { 'retry-after': '86400' }, { verdict: 'failed', retryAfterMs: 3_600_000 }],
    [500, { 'retry-after': '120' }, { verdict: 'failed', httpStatus: 500 }],
    [404, {}, { verdict: 'failed', httpStatus: 404 }],
  ])('answered %i %j is judged', async (status, headers, expected) => {
    const { host } = await receiver((response) => response.writeHead(status, headers).end('planted'));
    const answer = await createDeliverWebhook(deps([host]))(question(`http://${host}/`));
    expect(answer).toMatchObject(expected);
    if (status === 500) expect(answer).not.toHaveProperty('retryAfterMs');
    expect(JSON.stringify(answer)).not.toContain('planted');
  });

  it('follows no redirect', async () => {
    const target = await receiver((response) => response.end());
    const { host, received } = await receiver((response) =>
      response.writeHead(307, { location: `http://${target.host}/planted` }).end(),
    );
    const answer = await createDeliverWebhook(deps([host, target.host]))(question(`http://${host}/`));
    expect(answer).toMatchObject({ verdict: 'failed', httpStatus: 307, error: 'redirects are not followed' });
    expect(received).toHaveLength(1);
    expect(target.received).toEqual([]);
    expect(JSON.stringify(answer)).not.toContain('planted');
  });

  it('reads no more of an endless body than it needs', async () => {
    let isClosed = false;
    const { host } = await receiver((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(Buffer.alloc(8_192)), 1);
      response.on('close', () => {
        isClosed = true;
        clearInterval(timer);
      });
    });
    const answer = await createDeliverWebhook(deps([host]))(question(`http://${host}/`));
    expect(answer.verdict).toBe('delivered');
    await expect.poll(() => isClosed).toBe(true);
  });

  it('fails where nobody listens, or the receiver hangs up, and tells the code alone', async () => {
    const hangUp = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(hangUp, 'listening');
    undo.push(() => hangUp.close());
    const host = `127.0.0.1:${String((hangUp.address() as AddressInfo).port)}`;
    const answer = await createDeliverWebhook(deps([host]))(question(`http://${host}/?planted=1`));
    expect(answer.verdict).toBe('failed');
    expect(answer.error).toMatch(/^no answer \([A-Z_]+\)$/);
    const none = await createDeliverWebhook(deps(['127.0.0.1:1']))(question('http://127.0.0.1:1/?planted=1'));
    expect(none).toMatchObject({ verdict: 'failed', error: 'no answer (ECONNREFUSED)' });
  });

  it('waits 15 s for an answer, and no longer', async () => {
    const time = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(time.signal);
    undo.push(() => timeout.mockRestore());
    const { host, received } = await receiver(() => {
      time.abort(new DOMException('planted', 'TimeoutError'));
    });
    const answer = await createDeliverWebhook(deps([host]))(question(`http://${host}/`));
    expect(timeout.mock.calls).toEqual([[15_000]]);
    expect(answer).toMatchObject({ verdict: 'failed', error: 'no whole answer within 15 s' });
    expect(received).toHaveLength(1);
  });

  it('fails where the receiver speaks no TLS, or nobody vouches for its certificate, and sends nothing', async () => {
    const plain = await receiver((response) => response.end());
    const received: string[] = [];
    const secure = createTlsServer(selfSigned(), (request, response) => {
      received.push(request.url ?? '');
      response.end();
    }).listen(0, '127.0.0.1');
    await once(secure, 'listening');
    undo.push(() => secure.close());
    const port = String((secure.address() as AddressInfo).port);
    for (const [host, error] of [
      [plain.host, /^no answer \((EPROTO|ERR_SSL_[A-Z_]+)\)$/],
      [`127.0.0.1:${port}`, 'no answer (DEPTH_ZERO_SELF_SIGNED_CERT)'],
    ] as const) {
      const answer = await createDeliverWebhook(deps([host]))(question(`https://${host}/?planted=1`));
      expect(answer.verdict).toBe('failed');
      expect(answer.error).toMatch(error);
    }
    expect([plain.received, received]).toEqual([[], []]);
  });

  it('is not made to an address that is refused, or without secrets of that name', async () => {
    const { received, host } = await receiver((response) => response.end());
    const refused = await createDeliverWebhook(deps())(question(`http://${host}/?planted=1`));
    expect(refused.verdict).toBe('refused');
    const unknown = await createDeliverWebhook(deps([host]))(question(`http://${host}/`, { secret: 'other' }));
    expect(unknown).toMatchObject({ verdict: 'refused', error: expect.stringContaining('"other"') as string });
    expect(received).toEqual([]);
    expect(JSON.stringify(refused)).not.toContain('planted');
  });

  it.each([
    ['private', ['10.0.0.1', '::1']],
    ['mapped', ['::ffff:127.0.0.1']],
    ['translated', ['64:ff9b::7f00:1', '2002:7f00:1::']],
    ['nowhere', []],
  ])('is not made where a name resolves to %s addresses alone', async (_, addresses) => {
    const guarded = createGuardedAgent((_name, _options, callback) => {
      callback(null, addresses.map(toLookup));
    });
    const agents = { guarded, open: createOpenAgent() };
    const answer = await createDeliverWebhook(deps(), agents)(question('https://hooks.example/'));
    expect(answer).toMatchObject({ verdict: 'refused' });
    expect(answer.error).not.toContain('10.0.0.1');
  });

  it('asks the name server once for a connection and offers it public addresses alone', async () => {
    let asked = 0;
    const guarded = createGuardedAgent((_name, options, callback) => {
      asked += 1;
      expect(options.all).toBe(true);
      // A name that changes its answer between a check and the connection has no such moment here.
      const addresses = asked === 1 ? ['127.0.0.1', '192.0.2.1'] : ['127.0.0.1'];
      callback(null, addresses.map(toLookup));
    });
    const answer = await createDeliverWebhook(deps(), { guarded, open: createOpenAgent() })(
      question('https://hooks.example/'),
    );
    expect(asked).toBe(1);
    expect(answer.verdict).toBe('refused');
  });

  it.each([
    ['does not answer', []],
    ['answers one of two questions, by an address that is not public', ['fd00::1']],
  ])('is tried again where the name server %s', async (_, addresses) => {
    const guarded = createGuardedAgent((_name, _options, callback) => {
      callback(Object.assign(new Error('planted'), { code: 'EAI_AGAIN' }), addresses.map(toLookup));
    });
    const answer = await createDeliverWebhook(deps(), { guarded, open: createOpenAgent() })(
      question('https://hooks.example/'),
    );
    expect(answer).toMatchObject({ verdict: 'failed', error: 'no answer (EAI_AGAIN)' });
  });
});

/** A certificate for 127.0.0.1 that its own key has signed. */
function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const der = (tag: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from(body.length < 128 ? [tag, body.length] : [tag, 0x81, body.length]), body]);
  };
  const ed25519 = der(0x30, der(0x06, Buffer.from('2b6570', 'hex')));
  const name = der(0x30, der(0x31, der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from('test')))));
  const validity = der(0x30, ...['200101000000Z', '491231235959Z'].map((time) => der(0x17, Buffer.from(time))));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const signed = der(0x30, der(0x02, Buffer.from([1])), ed25519, name, validity, name, spki);
  const cert = der(0x30, signed, ed25519, der(0x03, Buffer.from([0]), sign(null, signed, privateKey)));
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

function toLookup(address: string): LookupAddress {
  return { address, family: address.includes(':') ? 6 : 4 };
}

import { Writable } from 'node:stream';
import pino from 'pino';
import { expect, it } from 'vitest';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { serveGateway } from '../../../gateway/serve-gateway.ts';

/** What a gateway on all addresses, with API keys, logs at its start. */
async function logged(settings: { publicUrl?: string; allowedHosts?: string[] }): Promise<string> {
  let text = '';
  const log = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  const running = await serveGateway({
    config: { taskQueue: 'runcomfy', modelApiBase: 'http://127.0.0.1:1/v1' },
    gateway: {
      address: { host: '0.0.0.0', port: 0 },
      drainMs: 0,
      keys: '{"keys":[]}',
      onUnknownSubmission: 'hold',
      submitGraceMs: 0,
      ...settings,
    },
    temporal: { connectionOptions: { address: '127.0.0.1:1' }, namespace: 'default' },
    catalogue: { models: () => Promise.resolve('{}') } as unknown as GatewayParts['catalogue'],
    checkWebhook: () => Promise.resolve([]),
    log: pino({ level: 'warn' }, log),
  });
  await running.close();
  return text;
}

it('says at its start that it refuses every call, where it knows no name that clients may use', async () => {
  expect(await logged({})).toContain('RUNCOMFY_GATEWAY_ALLOWED_HOSTS');
  expect(await logged({ publicUrl: 'https://media.example.com' })).toBe('');
  expect(await logged({ allowedHosts: ['gateway'] })).toBe('');
});

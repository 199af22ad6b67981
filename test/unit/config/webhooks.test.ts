import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../../config/env.ts';
import { readWebhookSecrets, watchWebhookSecrets } from '../../../config/webhooks.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const other = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'webhook-secrets-'));
  file = path.join(folder, 'secrets.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the file of webhook secrets', () => {
  it('holds the secrets of each name, in their order', async () => {
    await writeFile(file, JSON.stringify({ acme: [secret, other], b: [other] }));
    expect([...(await readWebhookSecrets(file))]).toEqual([
      ['acme', [secret, other]],
      ['b', [other]],
    ]);
  });

  it.each(['', '[]', '{"acme":"x"}', '{"acme":[]}', 'no json', '{"acme":[1]}'])('is refused as %j', async (text) => {
    await writeFile(file, text);
    await expect(readWebhookSecrets(file)).rejects.toThrow(/must hold/);
  });

  it('is told all that is wrong with it, and nothing of what it holds', async () => {
    const short = `whsec_${Buffer.alloc(23, 5).toString('base64')}`;
    const planted = 'whsec_planted!';
    await writeFile(file, JSON.stringify({ acme: [secret, short], [secret]: [planted], 'b c': [secret] }));
    const error: unknown = await readWebhookSecrets(file).catch((reason: unknown) => reason);
    const told = String(error);
    expect(told).toMatch(/secret 2 of "acme"/);
    expect(told).toMatch(/name 2 is no name/);
    expect(told).toMatch(/secret 1 of name 2/);
    expect(told).toMatch(/name 3 is no name/);
    for (const hidden of [secret, short, planted]) expect(told).not.toContain(hidden.slice(6));
  });

  it('is read again once it has changed, and the last good one holds', async () => {
    await writeFile(file, JSON.stringify({ acme: [secret] }));
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => lines.push(line) });
    const secretsOf = await watchWebhookSecrets(file, log);
    const rewrite = async (text: string, atS: number) => {
      await writeFile(file, text);
      await utimes(file, atS, atS);
    };
    await rewrite(JSON.stringify({ acme: [other, secret] }), 1_000);
    await expect.poll(() => secretsOf('acme')).toEqual([other, secret]);
    await rewrite('broken', 2_000);
    const look = async () => `${String(await secretsOf('acme'))} ${lines.join('')}`;
    await expect.poll(look).toContain('the last good one holds');
    expect(await secretsOf('acme')).toEqual([other, secret]);
    expect(await secretsOf('b')).toBeUndefined();
    for (const hidden of [secret, other]) expect(lines.join('')).not.toContain(hidden.slice(6));
  });
});

describe('the hosts that may be private', () => {
  it('are exact', () => {
    const { webhooks } = readConfig({ RUNCOMFY_WEBHOOK_ALLOW_HOSTS: 'Receiver:8080, 127.0.0.1:9000,[::1]:80' });
    expect(webhooks).toEqual({ allowedHosts: ['receiver:8080', '127.0.0.1:9000', '[::1]:80'] });
  });

  it.each(['*.example', 'http://receiver', 'receiver/', 'a,,b', 'h:port'])('are refused as %j', (text) => {
    expect(() => readConfig({ RUNCOMFY_WEBHOOK_ALLOW_HOSTS: text })).toThrow(/RUNCOMFY_WEBHOOK_ALLOW_HOSTS/);
  });
});

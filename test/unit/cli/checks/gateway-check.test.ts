import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { checkGateway } from '../../../../cli/checks/gateway-check.ts';
import { readConfig } from '../../../../config/env.ts';
import { freePort, temporaryFolder } from '../../../support/processes.ts';

async function fileWith(content: unknown): Promise<string> {
  const file = path.join(await temporaryFolder(), 'file.json');
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
  return file;
}

const record = (id: string, more: object) => ({
  id,
  name: 'a studio',
  tenant: 'studio',
  scopes: ['read'],
  sha256: 'a'.repeat(64),
  createdAt: '2026-01-01T00:00:00Z',
  ...more,
});

describe('what doctor says of a gateway', () => {
  it('is nothing where none is configured', async () => {
    expect(await checkGateway(readConfig({}))).toEqual([]);
  });

  it('is how many keys are valid, and the names of webhook secrets without the secrets', async () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    const found = await checkGateway(
      readConfig({
        RUNCOMFY_GATEWAY_KEYS_FILE: await fileWith({
          keys: [record('aaaaaaaa', {}), record('bbbbbbbb', { expiresAt: '2026-01-02T00:00:00Z' })],
        }),
        RUNCOMFY_WEBHOOK_SECRETS_FILE: await fileWith({ studio: [secret] }),
      }),
    );
    expect(found).toMatchObject([
      { check: 'api keys', status: 'ok', message: expect.stringContaining('and 1 that have expired') as string },
      { check: 'webhook secrets', status: 'ok', message: expect.stringMatching(/^studio in /) as string },
    ]);
    expect(JSON.stringify(found)).not.toContain(secret);
  });

  it('is that all keys have expired', async () => {
    const keys = [record('bbbbbbbb', { expiresAt: '2026-01-02T00:00:00Z' })];
    const [found] = await checkGateway(readConfig({ RUNCOMFY_GATEWAY_KEYS_FILE: await fileWith({ keys }) }));
    expect(found).toMatchObject({ status: 'warning', fix: expect.stringContaining('keys create') as string });
  });

  it('is every problem of a file that cannot be taken', async () => {
    const config = readConfig({ RUNCOMFY_WEBHOOK_SECRETS_FILE: await fileWith({ studio: ['plain'] }) });
    await expect(checkGateway(config)).rejects.toThrow('secret 1 of "studio" is none');
  });

  it('is whether it is ready where clients find it', async () => {
    // Its three seconds are not a busy machine's.
    const limits = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(new AbortController().signal);
    let status = 200;
    let body = '{"reason":"no worker"}';
    const server = createServer((_request, reply) => reply.writeHead(status).end(body));
    server.listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const publicUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const config = readConfig({ RUNCOMFY_GATEWAY_PUBLIC_URL: publicUrl });
    expect(await checkGateway(config)).toMatchObject([{ check: 'gateway', status: 'ok' }]);
    status = 503;
    const [found] = await checkGateway(config);
    expect(found).toMatchObject({ status: 'warning', message: expect.stringContaining('503 {"reason"') as string });
    body = `${'x'.repeat(199)}😀`;
    expect((await checkGateway(config))[0]?.message).toMatch(/503 x{199}…$/);
    server.closeAllConnections();
    await once(server.close(), 'close');
    expect(await checkGateway(config)).toMatchObject([
      { status: 'warning', message: expect.stringContaining('does not answer') as string },
    ]);
    expect(limits.mock.calls).toEqual([[3_000], [3_000], [3_000], [3_000]]);
  });
});

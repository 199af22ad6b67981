import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { expect, it } from 'vitest';
import { commandInProcess } from '../../support/command-in-process.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { onTestFinished } from '../../support/test-end.ts';

it.each(['simulator', 'codec-server', 'gateway'])('%s ends with 78 where its port is taken', async (command) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const RUNCOMFY_CODEC_KEYS_FILE = path.join(await temporaryFolder(), 'keys.json');
  const keys = { activeKeyId: 'a', keys: { a: Buffer.alloc(32).toString('base64') } };
  await writeFile(RUNCOMFY_CODEC_KEYS_FILE, JSON.stringify(keys), { mode: 0o600 });
  const args = [command, '--port', String(port), '--output', 'json'];
  const { exitCode, stdout } = await commandInProcess(args, { RUNCOMFY_CODEC_KEYS_FILE });
  const { error } = JSON.parse(stdout) as { error: { type: string; message: string } };
  expect({ exitCode, type: error.type }).toEqual({ exitCode: 78, type: 'Configuration' });
  expect(error.message).toContain('EADDRINUSE');
});

it("simulator listens on 7788 unless told otherwise: RunComfy's own clients read a 401 in an address as a refusal", async () => {
  const { exitCode, stdout } = await commandInProcess(['simulator', '--help'], {});
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/--port <number>.*\(default: 7788\)/);
});

it.each<[wrong: string, env: Record<string, string>, args: string[], all: RegExp]>([
  [
    'an issuer without an audience, a public URL with a path, no key file',
    { RUNCOMFY_GATEWAY_OIDC_ISSUER: 'https://login.example', RUNCOMFY_GATEWAY_KEYS_FILE: '/nowhere/keys.json' },
    ['--public-url', 'https://media.example.com/v1'],
    /set both[^]*--public-url[^]*\/nowhere\/keys\.json/,
  ],
  [
    'a drain time in words, another address without keys',
    { RUNCOMFY_GATEWAY_DRAIN_MS: 'soon' },
    ['--host', '0.0.0.0'],
    /RUNCOMFY_GATEWAY_DRAIN_MS[^]*0\.0\.0\.0 without API keys/,
  ],
  [
    'an issuer without an audience, of which that alone is wrong',
    { RUNCOMFY_GATEWAY_OIDC_ISSUER: 'https://login.example', RUNCOMFY_GATEWAY_ADDRESS: '0.0.0.0:0' },
    [],
    /^[^]*set both or neither(?![^]*without API keys)/,
  ],
  ['nothing but its variables', { RUNCOMFY_GATEWAY_DRAIN_MS: 'soon' }, [], /^[^]*DRAIN_MS(?![^]*without API keys)/],
])('gateway names all that keeps it from starting at once: %s', async (_wrong, env, args, all) => {
  const { exitCode, stderr } = await commandInProcess(['gateway', '--port', '0', '--output', 'pretty', ...args], env);
  expect(exitCode).toBe(78);
  expect(stderr).toMatch(all);
});

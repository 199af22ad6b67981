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

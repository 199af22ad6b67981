import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkToken } from '../../../cli/checks/health-checks.ts';
import { checkSpool } from '../../../cli/checks/spool-check.ts';
import { startDevStack } from '../../../cli/dev-server/stack.ts';
import { readCodecKeys } from '../../../config/codec-keys.ts';
import { readConfig, tokenSource } from '../../../config/env.ts';
import { prepareWritableFolder } from '../../../config/file-access.ts';
import { changeKeyFile } from '../../../gateway/access/key-file.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { temporaryFolder } from '../../support/processes.ts';

const stranger = 12_345;

/** Root may read everything: it does this as a user of whom the machine knows nothing. */
async function asStranger<T>(act: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return act();
  process.seteuid?.(stranger);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

const user = new RegExp(
  process.getuid?.() === 0 ? `user ${String(stranger)}\\b` : `user ${String(process.getuid?.())}\\b`,
);

describe('what this user may not read or write is told with the user, the file and the variable', () => {
  it('a token file', async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    const file = path.join(folder, 'token');
    await writeFile(file, 'secret', { mode: 0o000 });
    const read = tokenSource(readConfig({ RUNCOMFY_API_TOKEN_FILE: file }));
    const reading = asStranger(read);
    await expect(reading).rejects.toMatchObject({ exitCode: 78 });
    for (const part of [user, file, 'RUNCOMFY_API_TOKEN_FILE', 'EACCES']) await expect(reading).rejects.toThrow(part);
  });

  it('a file of API keys, which then is as it was', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'keys.json');
    await writeFile(file, 'as it was', { mode: 0o644 });
    await chmod(folder, 0o555);
    const writing = asStranger(() => changeKeyFile(file, () => Promise.resolve([])));
    await expect(writing).rejects.toMatchObject({ exitCode: 78 });
    for (const part of [user, file, 'RUNCOMFY_GATEWAY_KEYS_FILE', 'EACCES', 'as it was'])
      await expect(writing).rejects.toThrow(part);
    await chmod(folder, 0o755);
    expect(await readFile(file, 'utf8')).toBe('as it was');
  });

  it('a folder for the data of `dev`', async () => {
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    const dataDir = path.join(file, 'data');
    const options = { config: readConfig({}), isLive: false, isKept: true, dataDir, say: () => undefined };
    const starting = startDevStack(options);
    await expect(starting).rejects.toMatchObject({ exitCode: 78 });
    for (const part of [dataDir, 'ENOTDIR', '--data']) await expect(starting).rejects.toThrow(part);
  });

  it('a file of codec keys', async () => {
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    const file = path.join(folder, 'keys.json');
    await writeFile(file, '{}', { mode: 0o000 });
    const reading = asStranger(() => readCodecKeys(readConfig({ RUNCOMFY_CODEC_KEYS_FILE: file })));
    for (const part of [user, file, 'RUNCOMFY_CODEC_KEYS_FILE']) await expect(reading).rejects.toThrow(part);
  });

  it('a state folder, for the worker and for doctor', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'accepted-requests'));
    await chmod(folder, 0o000);
    const writing = asStranger(() => prepareWritableFolder(folder, 'name another one in RUNCOMFY_STATE_DIR'));
    for (const part of [user, folder, 'RUNCOMFY_STATE_DIR']) await expect(writing).rejects.toThrow(part);
    const reading = asStranger(() => checkSpool(folder));
    for (const part of [user, folder, 'RUNCOMFY_STATE_DIR']) await expect(reading).rejects.toThrow(part);
    await chmod(folder, 0o700);
  });
});

it('warns of a token file that the user of the image may not read', async () => {
  const simulator = await startSimulator();
  const file = path.join(await temporaryFolder(), 'token');
  await writeFile(file, 'sim-doctor', { mode: 0o600 });
  const { modelApiBase, serverlessApiBase } = simulator;
  const config = readConfig({
    RUNCOMFY_API_TOKEN_FILE: file,
    RUNCOMFY_MODEL_API_BASE: modelApiBase,
    RUNCOMFY_SERVERLESS_API_BASE: serverlessApiBase,
  });
  try {
    const isImageUser = process.getuid?.() === 1_000;
    expect(await checkToken(config)).toMatchObject(
      isImageUser ? { status: 'ok' } : { status: 'warning', message: expect.stringContaining(file) as string },
    );
    await chmod(file, 0o644);
    expect(await checkToken(config)).toMatchObject({ status: 'ok' });
  } finally {
    await simulator.close();
  }
});

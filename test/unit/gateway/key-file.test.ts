import { chown, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { changeKeyFile, readKeyFile } from '../../../gateway/access/key-file.ts';
import type { KeyRecord } from '../../../gateway/access/key-records.ts';
import { commandInProcess } from '../../support/command-in-process.ts';
import { temporaryFolder } from '../../support/processes.ts';

async function keysFile() {
  const file = path.join(await temporaryFolder(), 'keys.json');
  const keys = async (...args: string[]) => {
    const { exitCode, stdout } = await commandInProcess(['keys', ...args, '--output', 'json'], {
      RUNCOMFY_GATEWAY_KEYS_FILE: file,
    });
    return { exitCode, ...(JSON.parse(stdout) as { id: string; error?: { message: string } }) };
  };
  const create = async () => (await keys('create', '--tenant', 'acme', '--name', 'farm')).id;
  return { file, keys, create };
}

it('of changes at once none brings back what another took away, or takes away what it brought', async () => {
  const { file, create } = await keysFile();
  const id = await create();
  const [first] = await readKeyFile(file);
  const others = ['b', 'c', 'd'].map((word) => ({ ...(first as KeyRecord), id: word.repeat(8) }));
  await Promise.all([
    changeKeyFile(file, async () => (await readKeyFile(file)).filter((record) => record.id !== id)),
    ...others.map((other) => changeKeyFile(file, async () => [...(await readKeyFile(file)), other])),
  ]);
  const kept = (await readKeyFile(file)).map((record) => record.id);
  expect(kept.sort()).toEqual(others.map((other) => other.id));
});

it('of a change that never ends the next one says what keeps it waiting', async () => {
  const { file, keys, create } = await keysFile();
  const id = await create();
  await writeFile(`${file}.lock`, '');
  const { exitCode, error } = await keys('revoke', id);
  expect(exitCode).toBe(78);
  expect(error?.message).toContain(`says ${file}.lock: if none runs, remove that file`);
});

it.runIf(process.getuid?.() === 0)('the file stays the one of its owner, whoever changes it', async () => {
  const { file, keys, create } = await keysFile();
  const id = await create();
  await chown(file, 12_345, 12_346);
  await create();
  expect(await stat(file)).toMatchObject({ uid: 12_345, gid: 12_346 });
  await keys('revoke', id);
  const { uid, mode } = await stat(file);
  expect([uid, mode & 0o777]).toEqual([12_345, 0o600]);
  expect(await readdir(path.dirname(file))).toEqual(['keys.json']);
});

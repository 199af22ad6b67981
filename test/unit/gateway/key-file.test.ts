import { chmod, chown, lstat, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, expect, it, vi } from 'vitest';
import { changeKeyFile, readKeyFile, watchKeyFile } from '../../../gateway/access/key-file.ts';
import type { KeyRecord } from '../../../gateway/access/key-records.ts';
import { commandInProcess } from '../../support/command-in-process.ts';
import { temporaryFolder, until } from '../../support/processes.ts';

afterEach(() => vi.restoreAllMocks());

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

it('who waits for another change is not refused because the machine stood still meanwhile', async () => {
  const { file, create } = await keysFile();
  await create();
  let now = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => (now += 60_000));
  await writeFile(`${file}.lock`, '');
  const waiting = changeKeyFile(file, () => readKeyFile(file));
  // Several looks; on a slower machine one of them, which proves as much.
  await Promise.race([waiting, sleep(500)]);
  await rm(`${file}.lock`);
  await waiting;
});

it('the lock of a change takes no room on a disk, and stays through nobody who ends it', async () => {
  const { file, keys, create } = await keysFile();
  const id = await create();
  await changeKeyFile(file, async () => {
    expect((await stat(`${file}.lock`)).size).toBe(0);
    return await readKeyFile(file);
  });
  await writeFile(`${file}.lock`, '');
  const before = process.listenerCount('SIGTERM');
  const revoked = keys('revoke', id);
  const listens = () => process.listenerCount('SIGTERM') > before;
  await until('it listens for signals', listens);
  process.emit('SIGTERM');
  await rm(`${file}.lock`);
  expect((await revoked).exitCode).toBe(0);
  expect(process.listenerCount('SIGTERM')).toBe(before);
  expect(await readdir(path.dirname(file))).toEqual(['keys.json']);
});

it('a key is revoked in the file that a link leads to, and the link stays', async () => {
  const { file, keys, create } = await keysFile();
  const id = await create();
  const target = path.join(await temporaryFolder(), 'keys.json');
  await rename(file, target);
  await symlink(target, file);
  expect((await keys('revoke', id)).exitCode).toBe(0);
  expect(await readKeyFile(target)).toEqual([]);
  expect((await lstat(file)).isSymbolicLink()).toBe(true);
  for (const each of [file, target]) expect(await readdir(path.dirname(each))).toEqual(['keys.json']);
});

it('an unknown key is not there, also where the file cannot be changed', async () => {
  const { file, keys, create } = await keysFile();
  await create();
  await writeFile(`${file}.lock`, '');
  expect((await keys('revoke', 'unknown')).exitCode).toBe(66);
});

it.runIf(process.getuid?.() === 0)('a file whose owner cannot be kept is left to them, and says so', async () => {
  const { file, create } = await keysFile();
  await create();
  await chown(file, 12_345, 12_346);
  await chmod(path.dirname(file), 0o777);
  // Somebody else, who may write beside it.
  process.seteuid?.(12_347);
  const changed = changeKeyFile(file, () => Promise.resolve([])).finally(() => process.seteuid?.(0));
  const sentence = `${file} is as it was, and belongs to user 12345: run this as that user or as root`;
  await expect(changed).rejects.toThrow(sentence);
  expect(await readKeyFile(file)).toHaveLength(1);
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

it('two records with one id are refused by it, and a file that others can read is told with what to do', async () => {
  const { file, create } = await keysFile();
  const id = await create();
  const [record] = await readKeyFile(file);
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  await chmod(file, 0o644);
  expect(await (await watchKeyFile(file, log))()).toEqual([record]);
  expect(lines.join('')).toContain('chmod 600');
  await writeFile(file, JSON.stringify({ keys: [record, { ...record, name: 'another' }] }));
  await expect(readKeyFile(file)).rejects.toMatchObject({ exitCode: 78, message: expect.stringContaining(id) });
});

it('takes a key file with a byte order mark, as editors leave it', async () => {
  const { file, create } = await keysFile();
  await create();
  const records = await readKeyFile(file);
  await writeFile(file, `\u{feff}${JSON.stringify({ keys: records })}`);
  expect(await readKeyFile(file)).toEqual(records);
});

it('is listed without what only the receiver of its webhook should know', async () => {
  const { file, keys, create } = await keysFile();
  await create();
  const webhook = { url: 'https://hooks.example.com/in?token=S3cret', secret: 'acme' };
  await changeKeyFile(file, async () => (await readKeyFile(file)).map((record) => ({ ...record, webhook })));
  const listed = await keys('list');
  expect(listed).toMatchObject({ keys: [{ webhook: { url: 'https://hooks.example.com/in', secret: 'acme' } }] });
  expect(JSON.stringify(listed)).not.toContain('S3cret');
});

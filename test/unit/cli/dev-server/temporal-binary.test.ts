import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../../cli/dev-server/run.ts';
import { findTemporalBinary } from '../../../../cli/dev-server/temporal-binary.ts';
import { ConfigError } from '../../../../config/env.ts';
import { hangMs } from '../../../support/patience.ts';

let folder = '';
let cacheDir = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binary-'));
  cacheDir = join(folder, 'cache');
  await mkdir(cacheDir);
});

afterEach(() => rm(folder, { recursive: true }));

/** A program that says it is this version of `temporal`. */
async function writeProgram(path: string, version: string, exitCode = 0): Promise<string> {
  const line = `temporal version ${version} (Server 1.32.0, UI 2.54.1)`;
  await writeFile(path, `#!/bin/sh\necho '${line}'\nexit ${String(exitCode)}\n`, { mode: 0o755 });
  return path;
}

it('a program that runs is ended by an interrupt', async () => {
  const stop = new AbortController();
  const running = run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    timeoutMs: hangMs,
    signal: stop.signal,
  });
  stop.abort();
  expect(await running).toEqual({ output: '', stopped: 'it was interrupted' });
});

const absent = () => join(folder, 'absent');

describe('finding the temporal program', () => {
  it('prefers TEMPORAL_CLI_PATH to PATH, and PATH to the cache', async () => {
    const cliPath = await writeProgram(join(folder, 'given'), '1.9.1');
    const nameOnPath = await writeProgram(join(folder, 'on-path'), '1.8.0');
    const cached = await writeProgram(join(cacheDir, 'temporal-1.7.0'), '1.7.0');
    const found = { path: cliPath, version: '1.9.1', origin: 'TEMPORAL_CLI_PATH' };
    expect(await findTemporalBinary({ cliPath, nameOnPath, cacheDir })).toEqual(found);
    expect(await findTemporalBinary({ nameOnPath, cacheDir })).toMatchObject({ path: nameOnPath, origin: 'PATH' });
    expect(await findTemporalBinary({ nameOnPath: absent(), cacheDir })).toMatchObject({
      path: cached,
      origin: 'cache',
    });
  });

  it('takes what the SDK has downloaded before', async () => {
    const path = await writeProgram(join(cacheDir, 'temporal-sdk-typescript-1.24.0'), '1.9.0');
    expect(await findTemporalBinary({ nameOnPath: absent(), cacheDir })).toEqual({
      path,
      version: '1.9.0',
      origin: 'cache',
    });
  });

  it('passes over what is half downloaded, broken or not to be run', async () => {
    await writeProgram(join(cacheDir, 'temporal-sdk-typescript-1.24.0.downloading'), '1.9.1');
    await writeProgram(join(cacheDir, 'temporal-1.0.0'), '1.9.1', 1);
    await writeFile(join(cacheDir, 'temporal-1.1.0'), 'no program');
    const path = await writeProgram(join(cacheDir, 'temporal-1.9.1'), '1.9.1');
    expect(await findTemporalBinary({ nameOnPath: absent(), cacheDir })).toMatchObject({ path });
  });

  it('passes over a program on PATH that is too old, and says so', async () => {
    const nameOnPath = await writeProgram(join(folder, 'old'), '1.1.2');
    await writeProgram(join(cacheDir, 'temporal-1.9.1'), '1.9.1');
    const notes: string[] = [];
    const found = await findTemporalBinary({ nameOnPath, cacheDir, onNote: (sentence) => notes.push(sentence) });
    expect(found.origin).toBe('cache');
    expect(notes).toEqual([expect.stringMatching(/on PATH is passed over: it is version 1\.1\.2, older than 1\.3\./)]);
  });

  it.each([
    ['does not exist', () => Promise.resolve(absent())],
    ['does not answer --version', () => writeProgram(join(folder, 'given'), '1.9.1', 3)],
    ['is version 1.0.0', () => writeProgram(join(folder, 'given'), '1.0.0')],
  ])('refuses a TEMPORAL_CLI_PATH that %s, rather than taking another program', async (reason, make) => {
    await writeProgram(join(cacheDir, 'temporal-1.9.1'), '1.9.1');
    const search = findTemporalBinary({ cliPath: await make(), cacheDir });
    await expect(search).rejects.toThrow(ConfigError);
    await expect(search).rejects.toThrow(
      new RegExp(`^TEMPORAL_CLI_PATH names .*, which ${reason}.*; correct it or unset it\\.$`),
    );
  });

  it('is given up with the reason of whoever interrupts a download, and tries no other way', async () => {
    const stop = new AbortController();
    const notes: string[] = [];
    const onNote = (sentence: string) => {
      notes.push(sentence);
      stop.abort(new Error('told to stop'));
    };
    const search = findTemporalBinary({ nameOnPath: absent(), cacheDir, onNote, signal: stop.signal });
    await expect(search).rejects.toThrow('told to stop');
    expect(notes).toEqual([expect.stringContaining('Downloading the Temporal dev server')]);
  });

  it('says what to set when a program can be kept nowhere', async () => {
    await writeFile(join(folder, 'file'), '');
    const search = findTemporalBinary({ nameOnPath: absent(), cacheDir: join(folder, 'file', 'cache') });
    await expect(search).rejects.toThrow(/cannot be kept in .* \(ENOTDIR\): .*TEMPORAL_ADDRESS.*TEMPORAL_CLI_PATH/);
  });
});

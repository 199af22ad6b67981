import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig, tokenSource } from '../../../config/env.ts';

let folder = '';
let file = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-'));
  file = join(folder, 'token');
});

afterEach(() => rm(folder, { recursive: true }));

const sourceOf = (env: NodeJS.ProcessEnv) => tokenSource(readConfig(env));

describe('the token', () => {
  it('is looked for under three names, in order', async () => {
    const env = { RUNCOMFY_API_KEY: 'third', RUNCOMFY_TOKEN: 'second', RUNCOMFY_API_TOKEN: 'first' };
    expect(await sourceOf(env)()).toBe('first');
    expect(await sourceOf({ ...env, RUNCOMFY_API_TOKEN: '' })()).toBe('second');
    expect(await sourceOf({ RUNCOMFY_API_KEY: 'third' })()).toBe('third');
  });

  it('loses the blanks around it', async () => {
    await writeFile(file, '  from-file\n');
    expect(await sourceOf({ RUNCOMFY_TOKEN_FILE: file })()).toBe('from-file');
    expect(await sourceOf({ RUNCOMFY_TOKEN: ' from-env ' })()).toBe('from-env');
  });

  it('is read again when its file changes', async () => {
    await writeFile(file, 'old-token');
    const source = sourceOf({ RUNCOMFY_API_TOKEN_FILE: file });
    expect(await source()).toBe('old-token');
    expect(await source()).toBe('old-token');
    await writeFile(join(folder, 'new'), 'new-token');
    await rename(join(folder, 'new'), file);
    expect(await source()).toBe('new-token');
  });

  it('is read again when a mounted secret is swapped by its link', async () => {
    await writeFile(join(folder, 'a'), 'token-a');
    await writeFile(join(folder, 'b'), 'token-b');
    await symlink('a', file);
    const source = sourceOf({ RUNCOMFY_API_TOKEN_FILE: file });
    expect(await source()).toBe('token-a');
    await symlink('b', join(folder, 'next'));
    await rename(join(folder, 'next'), file);
    expect(await source()).toBe('token-b');
  });

  it('may come from a file that is written after the start', async () => {
    const source = sourceOf({ RUNCOMFY_API_TOKEN_FILE: file });
    await expect(source()).rejects.toThrow(/RUNCOMFY_API_TOKEN_FILE: the token file .* cannot be read \(ENOENT\)/);
    await writeFile(file, 'late');
    expect(await source()).toBe('late');
  });

  it.each([
    ['', /is empty/],
    ['two\nlines', /one line/],
  ])('is refused when its file holds %j, without showing it', async (text, message) => {
    await writeFile(file, text);
    await expect(sourceOf({ RUNCOMFY_API_TOKEN_FILE: file })()).rejects.toThrow(message);
  });

  it('is not shown where it stands in the place of its file', async () => {
    const token = '0f9c1a2e-5b7d-4c3e-9d21-7a6b5c4d3e2f';
    const reading = sourceOf({ RUNCOMFY_API_TOKEN_FILE: token })();
    await expect(reading).rejects.toThrow(/RUNCOMFY_API_TOKEN_FILE: expected the path/);
    await expect(reading).rejects.not.toThrow(token);
  });

  it('is refused when it is given by value and by file at once', () => {
    expect(() => readConfig({ RUNCOMFY_TOKEN: 'x', RUNCOMFY_TOKEN_FILE: file })).toThrow(/both set/);
  });

  it('is asked for in one sentence when it is missing', async () => {
    const config = readConfig({});
    expect(config.hasToken).toBe(false);
    await expect(tokenSource(config)()).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('RUNCOMFY_API_TOKEN') as string,
    });
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { appendResults } from '../../../cli/commands/batch/results-file.ts';
import type { BatchHandle } from '../../../client/index.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-results-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const line = (id: string) => ({ id, key: `batch/${id}`, status: 'succeeded' });

function append(file: string, ...ids: string[]): Promise<number> {
  const results = async function* () {
    await Promise.resolve();
    yield* ids.map(line);
  };
  return appendResults({ results } as unknown as BatchHandle, { file, stdout: process.stdout, follow: false });
}

it('appends what a file does not have yet, and writes a torn last line again', async () => {
  const file = path.join(folder, 'results.jsonl');
  expect(await append(file, 'a', 'b')).toBe(2);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.slice(0, -5));
  expect(await append(file, 'a', 'b', 'c')).toBe(2);
  expect(await readFile(file, 'utf8')).toBe(['a', 'b', 'c'].map((id) => `${JSON.stringify(line(id))}\n`).join(''));
});

it('writes to a device, which is never at its end, without reading it', async () => {
  expect(await append('/dev/zero', 'a', 'b')).toBe(2);
});

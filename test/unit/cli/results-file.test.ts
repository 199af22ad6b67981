import { spawnSync } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { appendResults, openResultsFile, printLines } from '../../../cli/commands/batch/results-file.ts';
import { createPrinter } from '../../../cli/printing/printer.ts';
import type { BatchLine } from '../../../client/index.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-results-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const again = '`runcomfy-temporal batch run items.jsonl --key k`';

const line = (id: string): BatchLine => ({ id, key: `batch/${id}`, status: 'succeeded' });

async function* linesOf(ids: readonly string[]): AsyncGenerator<BatchLine, void, undefined> {
  await Promise.resolve();
  yield* ids.map(line);
}

async function append(name: string, ...ids: string[]): Promise<number> {
  const file = await openResultsFile(name, 'batch');
  try {
    return await appendResults(file, linesOf(ids), again);
  } finally {
    await file.close();
  }
}

const textOf = (...ids: string[]) => ids.map((id) => `${JSON.stringify(line(id))}\n`).join('');

describe('a file of results', () => {
  it.each([5, 1])('gets what it does not have yet, and a last line that lacks %d bytes again', async (missing) => {
    const file = path.join(folder, `results-${String(missing)}.jsonl`);
    expect(await append(file, 'a', 'b')).toBe(2);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.slice(0, -missing));
    expect(await append(file, 'a', 'b', 'c')).toBe(2);
    expect(await readFile(file, 'utf8')).toBe(textOf('a', 'b', 'c'));
  });

  it('gets the lines of a second batch whose items have the same ids', async () => {
    const file = path.join(folder, 'two-batches.jsonl');
    expect(await append(file, 'a', 'b')).toBe(2);
    const other = (id: string): BatchLine => ({ ...line(id), key: `other/${id}` });
    async function* lines(): AsyncGenerator<BatchLine, void, undefined> {
      await Promise.resolve();
      yield* [other('a'), line('b')];
    }
    const opened = await openResultsFile(file, 'other');
    expect(await appendResults(opened, lines(), again)).toBe(1);
    await opened.close();
    expect(await readFile(file, 'utf8')).toBe(`${textOf('a', 'b')}${JSON.stringify(other('a'))}\n`);
  });

  it.each([
    ['a table', 'id,prompt\na,x\n', 1],
    ['another line', `${textOf('a')}{"prompt":"x"}\n`, 2],
    ['a note without an end', `${textOf('a')}a note`, 2],
    ['items', '{"id":"a","input":{}}\n{"id":"b","in', 1],
    ['one item without an end', '{"id":"a","input":{}}', 1],
    ['the begin of an item', '{"id":"a","in', 1],
    ['one item behind results', `${textOf('a')}{"id":"b"}`, 2],
    ['one line without an end', `{"id":"${'x'.repeat(1_100_000)}`, 1],
  ])('that holds anything else, such as %s, stays as it is', async (_what, text, number) => {
    const file = path.join(folder, 'foreign');
    await writeFile(file, text);
    const message = `nothing was sent, line ${String(number)} of ${file} is no result line: name another file with --results`;
    await expect(append(file, 'b')).rejects.toMatchObject({ type: 'InvalidInput', message });
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('that cannot be opened is told before anything is ordered', async () => {
    const nowhere = path.join(folder, 'none', 'results.jsonl');
    for (const [name, reason] of [
      [nowhere, 'its folder is not there'],
      [folder, 'it is a folder'],
    ] as const) {
      const message = `nothing was sent, ${name} cannot take result lines (${reason}): name another file with --results`;
      await expect(openResultsFile(name, 'batch')).rejects.toMatchObject({ type: 'FileNotWritten', message });
    }
  });

  it('takes the lines of a batch from one command at a time, and those of another batch beside them', async () => {
    const file = path.join(folder, 'shared.jsonl');
    await writeFile(file, textOf('a').slice(0, -5));
    const first = await openResultsFile(file, 'batch');
    await symlink(file, `${file}.link`);
    await expect(openResultsFile(`${file}.link`, 'batch')).rejects.toMatchObject({
      type: 'FileNotWritten',
      message: `nothing was sent, another command appends the lines of this batch to ${file}.link: wait for its end, or name another file with --results`,
    });
    await (await openResultsFile(file, 'other')).close();
    expect(await appendResults(first, linesOf(['a']), again)).toBe(1);
    await first.close();
    expect(await append(file, 'a', 'b')).toBe(1);
    expect(await readFile(file, 'utf8')).toBe(textOf('a', 'b'));
  });

  it('is free where the command that appended to it was killed', async () => {
    const sockets = await mkdtemp(path.join(folder, 's-'));
    vi.stubEnv('TMPDIR', sockets);
    onTestFinished(() => void vi.unstubAllEnvs());
    const file = path.join(folder, 'left.jsonl');
    const opened = await openResultsFile(file, 'batch');
    const [name = ''] = await readdir(sockets);
    await opened.close();
    const dies = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', dies, path.join(sockets, name)]);
    expect(await readdir(sockets)).toEqual([name]);
    expect(await append(file, 'a')).toBe(1);
    expect(await readdir(sockets)).toEqual([]);
  });

  it('needs no room for temporary files', async () => {
    vi.stubEnv('TMPDIR', path.join(folder, 'none'));
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await append(path.join(folder, 'alone.jsonl'), 'a')).toBe(1);
  });

  it('on a full disk says how much it has, and the command that goes on', async () => {
    const handle = await open('/dev/full', 'a');
    const file = { name: 'results.jsonl', handle, count: 2, known: new Map([['["a","batch/a"]', 1]]) };
    await expect(appendResults(file, linesOf(['a', 'b']), again)).rejects.toMatchObject({
      type: 'FileNotWritten',
      message: `results.jsonl takes no more (the disk is full): it has 2 result lines, and the batch is not stopped by that; once there is room, ${again} appends the rest`,
    });
    await handle.close();
  });

  it('that is a device, and never at its end, is not read', async () => {
    expect(await append('/dev/zero', 'a', 'b')).toBe(2);
  });
});

it('printing result lines ends where standard output takes no more', async () => {
  const full = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      done(new Error('full'));
    },
  });
  const gone = new AbortController();
  full.on('error', () => {
    gone.abort();
  });
  const closed = new Promise((resolve) => full.once('close', resolve));
  const streams = { stdin: new PassThrough(), stdout: full, stderr: new PassThrough() };
  const context = { streams, printer: createPrinter(streams), outputGone: gone.signal };
  await printLines(linesOf(['a', 'b', 'c']), context);
  await closed;
  // One that has failed before takes no word any more.
  await printLines(linesOf(['a', 'b', 'c']), context);
});

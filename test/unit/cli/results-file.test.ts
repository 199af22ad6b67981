import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  const file = await openResultsFile(name);
  try {
    return await appendResults(file, linesOf(ids), again);
  } finally {
    await file.handle.close();
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
    const opened = await openResultsFile(file);
    expect(await appendResults(opened, lines(), again)).toBe(1);
    await opened.handle.close();
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
      await expect(openResultsFile(name)).rejects.toMatchObject({ type: 'FileNotWritten', message });
    }
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

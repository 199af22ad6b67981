import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseInput, readInput } from '../../../cli/read-input.ts';
import { refuseBrokenText } from '../../../cli/read-text.ts';
import { commandInProcess } from '../../support/command-in-process.ts';
import { flux } from '../../support/simulator-client.ts';

const nothing = Readable.from([]);

describe('readInput', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'read-input-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('takes an object from the command line, a file and standard input', async () => {
    const file = join(directory, 'input.json');
    await writeFile(file, '\uFEFF{"prompt":"a cat"}\n');
    expect(await readInput({ input: '{"prompt":"a cat"}' }, nothing)).toEqual({ prompt: 'a cat' });
    expect(await readInput({ inputFile: file }, nothing)).toEqual({ prompt: 'a cat' });
    expect(await readInput({ inputFile: '-' }, Readable.from(['{"prompt":', '"a cat"}']))).toEqual({ prompt: 'a cat' });
    expect(await readInput({}, nothing)).toBeUndefined();
  });

  it('refuses two sources', async () => {
    await expect(readInput({ input: '{}', inputFile: '-' }, nothing)).rejects.toMatchObject({ type: 'Usage' });
  });

  it('names a file that is not there', async () => {
    const inputFile = join(directory, 'missing.json');
    await expect(readInput({ inputFile }, nothing)).rejects.toMatchObject({
      type: 'MissingFile',
      message: `the input file ${inputFile} cannot be read (ENOENT)`,
    });
  });
});

describe('input that is not UTF-8', () => {
  const latin1 = Buffer.from('{"prompt":"caf\xe9"}', 'latin1');
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'read-input-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is refused in a file, not mended', async () => {
    const inputFile = join(directory, 'input.json');
    await writeFile(inputFile, latin1);
    await expect(readInput({ inputFile }, nothing)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: `the input file ${inputFile} is not UTF-8: save it as UTF-8`,
    });
    await writeFile(inputFile, '\uFEFF{"prompt":"café"}', 'utf16le');
    await expect(readInput({ inputFile }, nothing)).rejects.toThrow('it looks like UTF-16: save it as UTF-8');
  });

  it('is refused on standard input, also where a character is cut in two', async () => {
    await expect(readInput({ inputFile: '-' }, Readable.from([latin1]))).rejects.toThrow('standard input is not UTF-8');
    const halves = Buffer.from('{"prompt":"café"}');
    const whole = readInput({ inputFile: '-' }, Readable.from([halves.subarray(0, 15), halves.subarray(15)]));
    expect(await whole).toEqual({ prompt: 'café' });
    await expect(readInput({ inputFile: '-' }, Readable.from([halves.subarray(0, 15)]))).rejects.toThrow('not UTF-8');
  });

  it('is refused on the command line', () => {
    expect(() => {
      refuseBrokenText(['generate', 'model', '--input', '{"prompt":"caf\uFFFD"}']);
    }).toThrow('the argument "{"prompt":"caf\uFFFD"}" is not UTF-8');
    expect(() => {
      refuseBrokenText([`${'x'.repeat(59)}😀 caf\uFFFD`]);
    }).toThrow(`the argument "${'x'.repeat(59)}…" is not UTF-8`);
  });
});

describe('standard input that is a terminal', () => {
  it('is announced', async () => {
    const notes: string[] = [];
    const terminal = Object.assign(Readable.from(['{}']), { isTTY: true });
    await readInput({ inputFile: '-' }, terminal, (note) => notes.push(note));
    expect(notes).toEqual([expect.stringContaining('reading the input from the terminal') as string]);
  });

  it.each([
    ['generate', flux, '--input-file', '-'],
    ['validate', flux, '--input-file', '-'],
    ['estimate', flux, '--input-file', '-'],
    ['pipeline', 'validate', '-'],
    ['pipeline', 'estimate', '-'],
    ['pipeline', 'run', '-', '--key', 'k'],
    ['pipeline', 'validate', 'examples/07-film/film.yaml', '--params-file', '-'],
    ['batch', 'validate', '-'],
    ['batch', 'estimate', '-'],
    ['batch', 'run', '-', '--key', 'k', '--yes'],
    ['batch', 'validate', 'items.jsonl', '--plan', '-'],
  ])('is announced by every command that reads it: %s %s %s', async (...args) => {
    const terminal = Object.assign(Readable.from([Buffer.from('{')]), { isTTY: true });
    const { stderr } = await commandInProcess([...args, '--output', 'json'], {}, terminal);
    expect(stderr.split('\n')[0]).toContain('reading the input from the terminal');
  });
});

describe('parseInput', () => {
  it.each([
    ['{"a":1,\n "b": nope}', 'at line 2, column 7'],
    ['{"a":', 'at line 1, column 6'],
    ['{"a":1,}', 'at line 1, column 8'],
    ["{'a':1}", 'at line 1, column 2'],
    ['{"a":1 // why\n}', 'at line 1, column 8'],
  ])('says where %j stops being JSON', (text, place) => {
    expect(() => parseInput(text, 'clip.json')).toThrow(`clip.json is not JSON ${place}`);
  });

  it.each(['[]', '"text"', 'null', '7'])('refuses %s, which is no object', (text) => {
    expect(() => parseInput(text, '--input')).toThrow('--input: expected a JSON object with the fields of the model');
  });

  it.each(['', '  \n'])('says that %j is empty', (text) => {
    expect(() => parseInput(text, 'standard input')).toThrow('standard input is empty, expected a JSON object');
  });
});

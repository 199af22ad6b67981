import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseInput, readInput } from '../../../cli/read-input.ts';

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

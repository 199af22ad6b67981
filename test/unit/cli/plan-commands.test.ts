import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { commandInProcess } from '../../support/command-in-process.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { flux, kling, klingInput } from '../../support/simulator-client.ts';

/** Without a token, and with a profile of Temporal that nobody has: these commands need neither. */
const alone = { RUNCOMFY_API_TOKEN: '', TEMPORAL_PROFILE: 'no-such-profile' };

const plan = `
version: 1
params:
  scene: { type: string }
  seconds: { type: integer, default: 5 }
steps:
  clip:
    model: ${kling}
    forEach: [5, 10]
    input:
      prompt: "\${{ params.scene }}"
      start_image_url: https://files.example.com/a.png
      duration: "\${{ item }}"
  last:
    model: ${kling}
    needs: [clip]
    input:
      prompt: on
      start_image_url: https://files.example.com/b.png
      duration: "\${{ params.seconds }}"
      generate_audio: false
`;
const still = `  still: { model: ${flux}, input: { prompt: a cat } }\n`;

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

async function fileOf(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

interface Document {
  error?: { type: string; message: string; issues?: { path: string; message: string }[] };
}

async function json(args: string[], typed = '') {
  const { exitCode, stdout } = await commandInProcess([...args, '--output', 'json'], alone, typed);
  return { exitCode, document: JSON.parse(stdout) as Document };
}

describe('estimate', () => {
  const estimate = (...more: string[]) => ['estimate', kling, '--input', JSON.stringify(klingInput), ...more];

  it('tells what so many orders of an input are expected to cost, and how far that is to be trusted', async () => {
    const line = { what: kling, model: kling, count: 3, priceUsd: 3.78 };
    expect(await json(estimate('--count', '3'))).toMatchObject({
      exitCode: 0,
      document: { currency: 'USD', totalUsd: 3.78, atLeastUsd: 3.78, unknown: 0, lines: [line] },
    });
    const { exitCode, stdout } = await commandInProcess(estimate('--output', 'pretty'), alone);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^kling\/\S+ {2}1 × {2}\$1\.26\ntotal {2}\$1\.26\nBy RunComfy's published prices/);
  });

  it('says of a price that cannot be known why, and never 0', async () => {
    const { exitCode, document } = await json(['estimate', flux, '--input', '{"prompt":"a cat"}']);
    expect({ exitCode, document }).toMatchObject({
      exitCode: 0,
      document: { totalUsd: null, unknown: 1, lines: [{ priceUsd: null, why: expect.stringMatching(/\w/) as string }] },
    });
  });

  it.each([
    ['no model id', ['estimate', 'kling', '--input', '{}'], 65],
    ['more orders than anybody makes', estimate('--count', '1000001'), 64],
  ])('refuses %s', async (_what, args, code) => {
    expect((await commandInProcess(args, alone)).exitCode).toBe(code);
  });
});

describe('pipeline estimate', () => {
  it('tells the price of each step, by the params as they are given', async () => {
    const file = await fileOf('film.yaml', plan);
    const lines = [
      { what: 'clip', count: 2, priceUsd: 1.89 },
      { what: 'last', count: 1, priceUsd: 0.84 },
    ];
    expect(await json(['pipeline', 'estimate', file, '--param', 'scene=x', '--param', 'seconds=10'])).toMatchObject({
      exitCode: 0,
      document: { totalUsd: 2.73, unknown: 0, lines },
    });
  });

  it('says of which step the price cannot be known, and refuses the plan where it has a limit', async () => {
    const file = await fileOf('film.yaml', plan + still);
    const args = ['pipeline', 'estimate', file, '--param', 'scene=x'];
    const { exitCode, stdout } = await commandInProcess([...args, '--output', 'pretty'], alone);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^still +1 × {2}unknown: \w[^]*^total {2}at least \$\d\S+; 1 unknown$/m);
    const refused = await json([...args, '--max-cost', '5']);
    expect(refused).toMatchObject({ exitCode: 65, document: { error: { type: 'InvalidInput' } } });
    expect(refused.document.error?.issues?.map((issue) => issue.path)).toEqual(['$.steps.still']);
  });
});

describe('pipeline validate', () => {
  const params = 'scene: "calm: at dusk"\nseconds: 7\n';

  it('tells the steps in their order and the params as they are taken: a file of them, and single ones over it', async () => {
    const file = await fileOf('film.yaml', plan);
    const args = ['pipeline', 'validate', file, '--params-file', await fileOf('params.yaml', params)];
    const document = { valid: true, steps: ['clip', 'last'], params: { scene: 'calm: at dusk', seconds: 7 } };
    expect(await json(args)).toMatchObject({ exitCode: 0, document });
    const over = await json([...args, '--param', 'seconds=9']);
    expect(over.document).toMatchObject({ params: { scene: 'calm: at dusk', seconds: 9 } });
    const pretty = await commandInProcess([...args, '--output', 'pretty'], alone);
    expect(pretty).toMatchObject({ exitCode: 0, stdout: 'valid: clip → last\n' });
  });

  it('reads the plan or the params from standard input, but not both', async () => {
    const file = await fileOf('film.yaml', plan);
    const validate = ['pipeline', 'validate'];
    const given = { exitCode: 0, document: { valid: true } };
    expect(await json([...validate, file, '--params-file', '-'], '{"scene":"x"}')).toMatchObject(given);
    expect(await json([...validate, '-', '--param', 'scene=x'], plan)).toMatchObject(given);
    const both = await json([...validate, '-', '--params-file', '-'], plan);
    expect(both).toMatchObject({ exitCode: 64, document: { error: { type: 'Usage' } } });
  });

  it('names every problem at once, by its place in the plan or the params', async () => {
    const file = await fileOf(
      'film.yaml',
      plan.replace('needs: [clip]', 'needs: [clap]').replace('prompt: on', 'promt: on'),
    );
    const { exitCode, document } = await json(['pipeline', 'validate', file, '--param', 'seconds=2']);
    expect({ exitCode, type: document.error?.type }).toEqual({ exitCode: 65, type: 'InvalidInput' });
    expect(document.error?.issues?.map((issue) => issue.path).sort()).toEqual([
      '$.params.scene',
      '$.steps.last.input.duration',
      '$.steps.last.input.prompt',
      '$.steps.last.needs[0]',
    ]);
  });

  it.each([
    ['a list', '[1, 2]', 65, 'InvalidInput', 'are no object'],
    ['no YAML', 'scene: [', 65, 'InvalidInput', 'the params cannot be read'],
    ['not there', undefined, 66, 'MissingFile', 'the params'],
  ])('refuses params in a file that is %s', async (_what, text, code, type, words) => {
    const file = await fileOf('film.yaml', plan);
    const given = text === undefined ? path.join(folder, 'none') : await fileOf('params.yaml', text);
    const { exitCode, document } = await json(['pipeline', 'validate', file, '--params-file', given]);
    expect({ exitCode, type: document.error?.type }).toEqual({ exitCode: code, type });
    expect(document.error?.message).toContain(words);
  });
});

describe('batch estimate', () => {
  it('under a limit refuses items of which no price is known as PriceUnknown, and what is wrong beside that as bad input', async () => {
    const items = [
      '{"id":"a","model":"some/model","input":{}}',
      '{"id":"b","model":"some/model","input":{},"maxPriceUsd":1}',
    ];
    const file = await fileOf('items.jsonl', items.join('\n'));
    const refused = await json(['batch', 'estimate', file, '--max-cost', '5']);
    const issues = [{ path: 'line 1: $', message: 'price unknown (no catalogue is at hand); give maxPriceUsd' }];
    expect(refused).toMatchObject({ exitCode: 65, document: { error: { type: 'PriceUnknown', issues } } });
    await fileOf('items.jsonl', [...items, '{}'].join('\n'));
    const bad = await json(['batch', 'estimate', file, '--max-cost', '5']);
    expect(bad).toMatchObject({ exitCode: 65, document: { error: { type: 'InvalidInput' } } });
    await fileOf('items.jsonl', items.join('\n'));
    expect(await json(['batch', 'estimate', file])).toMatchObject({
      exitCode: 0,
      document: { totalUsd: null, atLeastUsd: 1, unknown: 1 },
    });
  });
});

import { execFile } from 'node:child_process';
import { open, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addBatchAdd } from '../../../cli/commands/batch/add.ts';
import { addBatchValidate } from '../../../cli/commands/batch/check.ts';
import { addBatchItems } from '../../../cli/commands/batch/read.ts';
import { addBatchRun } from '../../../cli/commands/batch/run.ts';
import type { BatchItem } from '../../../client/index.ts';
import { type FaultRule, startSimulator } from '../../../simulator/index.ts';
import { commandInProcess } from '../../support/command-in-process.ts';
import { commandOn } from '../../support/command-on.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { flux, kling, klingInput } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => vi.unstubAllEnvs());

const itemsNamed = (...ids: string[]): BatchItem[] => ids.map((id) => ({ id, model: kling, input: klingInput }));
const textOf = (items: BatchItem[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');

async function fileOf(text: string): Promise<string> {
  const file = path.join(folder, 'items.jsonl');
  await writeFile(file, text);
  // It was written long ago: a change is told by its time.
  await utimes(file, 1, 1);
  return file;
}

/** A batch of the test's own, which keeps what it is sent; `onStart`: what happens between the check and the sending. */
function batchOf({
  known = [],
  onStart,
  onSent,
  onState,
}: {
  known?: BatchItem[];
  onStart?: () => Promise<void>;
  onSent?: () => Promise<void> | void;
  onState?: () => void;
} = {}) {
  const sent: string[] = [];
  const inputs: unknown[] = [];
  const told: string[] = [];
  const nothing = () => Promise.resolve(undefined);
  const batch = {
    key: 'k',
    runId: 'run',
    notices: [],
    defaults: nothing,
    plan: nothing,
    budgets: nothing,
    state: async ({ signal }: { signal?: AbortSignal } = {}) => {
      await nothing();
      onState?.();
      signal?.throwIfAborted();
      return { sealed: false, money: {} };
    },
    async *items() {
      await nothing();
      yield* known;
    },
    async addAll(items: AsyncIterable<BatchItem>, { signal }: { signal?: AbortSignal } = {}) {
      for await (const { id, input } of items) {
        sent.push(id);
        inputs.push(input);
      }
      await onSent?.();
      signal?.throwIfAborted();
      return { count: sent.length, added: sent.length - known.length };
    },
    seal: () => Promise.resolve(told.push('seal')),
  };
  const start = async () => {
    await onStart?.();
    return batch;
  };
  return { sent, inputs, told, generations: { batches: { start, get: start } } };
}

const run = (file: string, ...more: string[]) => ['run', file, '--key', 'k', '--yes', '--output', 'json', ...more];

async function failureOf(ended: Promise<{ exitCode: number | null; stdout: string }>) {
  const { exitCode, stdout } = await ended;
  const { error } = JSON.parse(stdout) as { error: { type: string; message: string } };
  return { exitCode, type: error.type, message: error.message };
}

describe('items from a pipe, which can be read but once', () => {
  it.each([
    ['run', addBatchRun, run, []],
    ['add', addBatchAdd, (pipe: string) => ['add', 'k', pipe, '--output', 'json'], itemsNamed('a')],
  ] as const)('are all sent by batch %s', async (_command, add, args, known) => {
    const pipe = path.join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    // Whoever opened it a second time would wait for somebody who writes, and this process for them.
    onTestFinished(async () => (await open(pipe, 'r+')).close());
    // However the command ends, nothing of them stays.
    vi.stubEnv('TMPDIR', folder);
    let kept: string[] = [];
    const onSent = async () => {
      kept = await readdir(folder);
    };
    const { sent, generations } = batchOf({ known: [...known], onSent });
    const ended = commandOn(add, args(pipe, '--no-wait'), { generations });
    await writeFile(pipe, textOf(itemsNamed('a', 'b', 'c')));
    expect(await ended).toMatchObject({ exitCode: 0 });
    expect(sent).toEqual(['a', 'b', 'c']);
    expect(kept).toEqual(['pipe']);
  });
});

describe('a file of items', () => {
  it.each([
    ['fewer', (file: string, text: string) => truncate(file, text.length / 2)],
    ['more', (file: string, text: string) => writeFile(file, text + textOf(itemsNamed('c')))],
    ['other', (file: string) => writeFile(file, textOf(itemsNamed('c', 'd')))],
  ] as const)(
    'that has %s items than were checked is refused, none of them sent, and the batch not sealed',
    async (_what, change) => {
      const text = textOf(itemsNamed('a', 'b'));
      const file = await fileOf(text);
      const { sent, told, generations } = batchOf({ onStart: () => change(file, text) });
      expect(await failureOf(commandOn(addBatchRun, run(file, '--no-wait'), { generations }))).toMatchObject({
        exitCode: 65,
        type: 'InvalidInput',
        message: expect.stringContaining(
          `the items ${file} have changed since they were checked: run the command again`,
        ) as string,
      });
      expect(sent).toEqual([]);
      expect(told).toEqual([]);
    },
  );

  it('is not taken for results, whatever its last line lacks', async () => {
    const items = itemsNamed('a', 'b');
    for (const text of [textOf(items).trimEnd(), JSON.stringify(items[0])]) {
      const file = await fileOf(text);
      const { sent, generations } = batchOf();
      expect(await failureOf(commandOn(addBatchRun, run(file, '--results', file), { generations }))).toMatchObject({
        exitCode: 65,
        message: `nothing was sent, ${file} has the items: name another file with --results`,
      });
      expect(await readFile(file, 'utf8')).toBe(text);
      expect(sent).toEqual([]);
    }
  });

  it.each([
    ['a folder', () => folder, 'it is a folder'],
    ['a disk that fails', () => '/proc/self/mem', 'EIO'],
    ['a file that is not there', () => path.join(folder, 'none'), 'ENOENT'],
  ])('that is %s is a file that cannot be read, and no defect', async (_what, name, reason) => {
    const file = name();
    for (const command of [['validate'], ['estimate'], ['run', '--key', 'k', '--yes']]) {
      for (const format of ['jsonl', 'csv']) {
        const args = ['batch', ...command, file, '--format', format, '--output', 'json'];
        expect(await failureOf(commandInProcess(args, {})), args.join(' ')).toEqual({
          exitCode: 66,
          type: 'MissingFile',
          message: `the items ${file} cannot be read (${reason})`,
        });
      }
    }
  });
});

describe('a CSV whose cells only the live catalogue tells how to read', () => {
  const table = 'id,prompt,width\na,x,512\n';
  const args = (file: string) => [...run(file, '--no-wait'), '--model', flux];

  async function runComfyWhere(faults: FaultRule[]): Promise<void> {
    const simulator = await startSimulator({ seed: 1, faults });
    onTestFinished(() => simulator.close());
    vi.stubEnv('RUNCOMFY_MODEL_API_BASE', simulator.modelApiBase);
    vi.stubEnv('RUNCOMFY_SERVERLESS_API_BASE', simulator.serverlessApiBase);
    vi.stubEnv('RUNCOMFY_API_TOKEN', 'sim-cli');
  }

  it('is read by one answer of it for the check, the price and what is sent', async () => {
    await runComfyWhere([{ fault: 'reset', step: 'catalogue', skip: 1 }]);
    const { inputs, generations } = batchOf();
    expect(await commandOn(addBatchRun, args(await fileOf(table)), { generations })).toMatchObject({ exitCode: 0 });
    expect(inputs).toEqual([{ prompt: 'x', width: 512 }]);
  });

  it('is refused while it gives none, and nothing is started', async () => {
    await runComfyWhere([{ fault: 'reset', step: 'catalogue' }]);
    let starts = 0;
    const onStart = () => Promise.resolve(void (starts += 1));
    const { generations } = batchOf({ onStart });
    expect(await failureOf(commandOn(addBatchRun, args(await fileOf(table)), { generations }))).toMatchObject({
      exitCode: 69,
      type: 'ServiceUnavailable',
    });
    expect(starts).toBe(0);
    const validated = await commandOn(
      addBatchValidate,
      ['validate', await fileOf(table), '--model', flux, '--output', 'json'],
      { generations },
    );
    expect(validated).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('could not be checked') as string });
  });
});

describe('batch run that is told to end', () => {
  const endIt = () => {
    process.emit('SIGTERM');
  };

  it('waits for no start that hangs', { timeout: 5_000 }, async () => {
    const onStart = () => {
      setTimeout(endIt);
      return new Promise<void>(() => undefined);
    };
    const file = await fileOf(textOf(itemsNamed('a')));
    const { generations } = batchOf({ onStart });
    expect(await failureOf(commandOn(addBatchRun, run(file, '--no-wait'), { generations }))).toMatchObject({
      exitCode: 75,
      message: expect.stringContaining('batch "k" does not have all of its items') as string,
    });
  });

  it('names no command where its items came from what can be read but once', async () => {
    const { generations } = batchOf({ onSent: endIt });
    const typed = textOf(itemsNamed('a'));
    const again = 'does not have all of its items: the same command with the same items sends the rest';
    expect(await failureOf(commandOn(addBatchRun, run('-', '--no-wait'), { generations, typed }))).toMatchObject({
      exitCode: 75,
      message: expect.stringContaining(again) as string,
    });
  });

  it('before the batch is sealed says so, and how it is', async () => {
    const { told, generations } = batchOf({ onState: endIt });
    const file = await fileOf(textOf(itemsNamed('a')));
    expect(await failureOf(commandOn(addBatchRun, run(file, '--no-wait'), { generations }))).toMatchObject({
      exitCode: 75,
      message: expect.stringContaining(
        'has all of its items, but may not be sealed yet: `runcomfy-temporal batch seal k` says that no more will come',
      ) as string,
    });
    expect(told).toEqual([]);
  });
});

it('the items of a batch are read no further than somebody reads what is printed', async () => {
  const gone = new AbortController();
  let told = 0;
  const batch = {
    ...batchOf(),
    defaults: () => Promise.resolve(undefined),
    plan: () => Promise.resolve(undefined),
    async *items() {
      for (const item of itemsNamed('a', 'b', 'c', 'd')) {
        told += 1;
        yield await Promise.resolve(item);
        gone.abort();
      }
    },
  };
  const generations = { batches: { get: () => Promise.resolve(batch) } };
  const ended = await commandOn(addBatchItems, ['items', 'k'], { generations, outputGone: gone.signal });
  expect(ended.exitCode).toBe(0);
  expect(told).toBe(2);
});

import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, it } from 'vitest';
import type { BatchItem, BatchLine, BatchResult, BatchState } from '../../client/index.ts';
import type { Estimate } from '../../domain/estimate.ts';
import { itemsNamed } from '../support/batches.ts';
import { cliStack, type Failure } from '../support/cli-stack.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually } from '../support/eventually.ts';
import { flux } from '../support/simulator-client.ts';

/** What a command printed as one JSON document. */
interface Printed<Document> {
  exitCode: number | null;
  document: Document;
  stderr: string;
}

const stack = cliStack();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(stack.directory(), 'batch-'));
});

const run = (args: string[], typed?: string) => commandInProcess(['batch', ...args], stack.environment(), typed);

async function json<Document>(...args: string[]): Promise<Printed<Document>> {
  const { exitCode, stdout, stderr } = await run([...args, '--output', 'json']);
  return { exitCode, document: JSON.parse(stdout) as Document, stderr };
}

async function fileOf(items: readonly unknown[], name = 'items.jsonl'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  return file;
}

function linesIn<Line>(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

it('orders a file, writes a line for each item, orders nothing when it is run again, and what failed by a batch of its own', async () => {
  const key = stack.newKey();
  stack.simulator().setFaults([{ fault: 'job-fails', step: 'submit', times: 2 }]);
  const file = path.join(folder, 'items.csv');
  await writeFile(file, ['id,prompt', ...itemsNamed(key, 8).map(({ id }) => `${id},"a ""${id}"""`)].join('\n'));
  const results = path.join(folder, 'results.jsonl');
  const order = ['run', file, '--key', key, '--model', flux, '--yes', '--results', results];
  const first = await json<BatchResult>(...order);
  expect(first).toMatchObject({
    exitCode: 2,
    document: { key, phase: 'partial', counts: { total: 8, succeeded: 6, failed: 2 } },
  });
  const written = await readFile(results, 'utf8');
  const lines = linesIn<BatchLine>(written);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(8);
  expect(lines).toHaveLength(8);
  expect((stack.jobs()[0]?.input as { prompt: string }).prompt).toMatch(/^a "cli-/);

  // Torn, as by a full disk: the torn line is cut off and written again.
  await writeFile(results, written.slice(0, -20));
  const second = await json<BatchResult>(...order, '--label', 'team=stills');
  expect(second.document).toEqual(first.document);
  expect(second.stderr).toContain('with the labels that it was started with');
  expect(linesIn(await readFile(results, 'utf8'))).toEqual(lines);
  expect(stack.jobs()).toHaveLength(8);

  const read = await run(['results', key, '--status', 'succeeded']);
  expect(linesIn<BatchLine>(read.stdout)).toHaveLength(6);
  const failed = await run(['items', key, '--status', 'failed']);
  expect(linesIn<BatchItem>(failed.stdout)).toHaveLength(2);
  const again = await run(['run', '-', '--key', `${key}-again`, '--yes', '--output', 'json'], failed.stdout);
  expect(again.exitCode).toBe(0);
  expect(stack.jobs()).toHaveLength(10);
  expect((await json<BatchState>('status', key)).document).toMatchObject({ phase: 'partial', sealed: true });
  await eventually(async () => {
    expect(JSON.stringify((await json('list', '--limit', '10000')).document)).toContain(`"${key}"`);
  });
  expect((await run(['watch', key])).exitCode).toBe(2);
});

it('runs a plan for each row of a table: validated, priced, run, its outputs in the lines', async () => {
  const key = stack.newKey();
  const plan = path.join(folder, 'still.yaml');
  await writeFile(
    plan,
    [
      'version: 1',
      'params: { thing: { type: string } }',
      `steps: { still: { model: ${flux}, maxPriceUsd: 0.05, input: { prompt: "\${{ params.thing }}" } } }`,
      'outputs: { still: "\${{ steps.still.image }}" }',
    ].join('\n'),
  );
  const table = path.join(folder, 'things.csv');
  await writeFile(table, `id,param.thing\na,${key} cup\nb,${key} jug\n`);
  expect((await json('validate', table, '--plan', plan)).document).toMatchObject({ valid: true, count: 2 });
  const estimate = await json<Estimate>('estimate', table, '--plan', plan);
  expect(estimate.document.lines).toMatchObject([{ what: 'still', count: 2, priceUsd: 0.1 }]);
  const misfit = await fileOf([{ id: 'a', input: { prompt: 'x' } }]);
  expect((await json('validate', misfit, '--plan', plan)).exitCode).toBe(65);
  const order = ['run', table, '--plan', plan, '--key', key, '--max-cost', '1'];
  const { exitCode, document } = await json<BatchResult>(...order);
  expect(document).toMatchObject({
    phase: 'succeeded',
    money: { spentUsd: stack.jobs().reduce((sum, { chargedUsd }) => sum + chargedUsd, 0) },
  });
  expect(exitCode).toBe(0);
  const lines = linesIn<BatchLine>((await run(['results', key])).stdout);
  expect(lines.map(({ outputs }) => typeof outputs?.['still'])).toEqual(['string', 'string']);
  expect(linesIn<BatchItem>((await run(['items', key])).stdout)).toEqual([
    { id: 'a', params: { thing: `${key} cup` } },
    { id: 'b', params: { thing: `${key} jug` } },
  ]);
  expect((await json(...order)).document).toEqual(document);
  expect(stack.jobs()).toHaveLength(2);
});

it('refuses with one sentence and all problems before anything is sent', async () => {
  const key = stack.newKey();
  const bad = await fileOf([{ id: 'a', input: { prompt: 'x' } }, { input: {} }, { id: 'a', input: { prompt: 'y' } }]);
  const wrong = await json<Failure>('run', bad, '--key', key, '--model', flux, '--yes');
  expect(wrong).toMatchObject({ exitCode: 65, document: { error: { type: 'InvalidInput' } } });
  expect(wrong.document.error.issues?.length).toBeGreaterThan(1);
  expect(wrong.document.error.message).toMatch(/line 2.*line 3/s);
  const items = itemsNamed(key, 3).map(({ id, input }) => ({ id, input: { ...input, width: 512 } }));
  const good = await fileOf(items);
  expect((await json('run', good, '--key', key, '--model', flux)).exitCode).toBe(64);
  expect((await json('run', path.join(folder, 'none'), '--key', key, '--yes')).exitCode).toBe(66);
  for (const command of ['status', 'pause', 'seal', 'cancel', 'results', 'items', 'watch']) {
    expect([command, (await run([command, key])).exitCode]).toEqual([command, 66]);
  }
  expect((await json('run', good, '--key', key, '--model', flux, '--yes')).exitCode).toBe(0);
  const edited = await fileOf(items.map((item, at) => (at === 1 ? { ...item, input: { prompt: 'else' } } : item)));
  const other = await json<Failure>('run', edited, '--key', key, '--model', flux, '--yes');
  expect(other).toMatchObject({ exitCode: 65, document: { error: { type: 'KeyInUse', key } } });
  const table = path.join(folder, 'items.csv');
  await writeFile(table, ['id,prompt,width', ...items.map(({ id }) => `${id},${id},512`)].join('\n'));
  const asText = await json<Failure>('run', table, '--key', key, '--model', flux, '--yes');
  expect(asText).toMatchObject({ exitCode: 65, document: { error: { type: 'KeyInUse', key } } });
  expect(asText.document.error.message).toContain(`(id ${key}-0) differs; its values are typed there and text here`);
  expect(other.document.error.message).toContain(`${key}-1`);
  expect(stack.jobs()).toHaveLength(3);
});

it('says where its lines cannot be written: before anything is sent, or at once, while the batch goes on', async () => {
  const key = stack.newKey();
  const order = ['run', await fileOf(itemsNamed(key, 2)), '--key', key, '--model', flux, '--yes', '--results'];
  const refused = await json<Failure>(...order, folder);
  expect(refused).toMatchObject({ exitCode: 74, document: { error: { type: 'FileNotWritten' } } });
  expect((await run(['status', key])).exitCode).toBe(66);

  const { exitCode, document } = await json<Failure>(...order, '/dev/full');
  expect(document).toMatchObject({ error: { type: 'FileNotWritten', key } });
  expect(document.error.message).toContain('/dev/full takes no more (the disk is full): it has 0 result lines');
  const again = ['runcomfy-temporal', 'batch', ...order, '/dev/full', '--output', 'json'].join(' ');
  expect(document.error.message).toContain(`\`${again}\``);
  expect(exitCode).toBe(74);
  expect((await run(['watch', key])).exitCode).toBe(0);
  const room = path.join(folder, 'results.jsonl');
  expect((await json(...order, room)).exitCode).toBe(0);
  expect(linesIn(await readFile(room, 'utf8'))).toHaveLength(2);
  expect(stack.jobs()).toHaveLength(2);
});

it('leaves a batch to itself where standard output takes its lines no more', async () => {
  const key = stack.newKey();
  stack.simulator().hold({ stage: 'run' });
  const items = itemsNamed(key, 2);
  const order = ['batch', 'run', await fileOf(items), '--key', key, '--model', flux, '--yes', '--results', '-'];
  // Nothing has ended yet: it is the progress of the command's own that standard output is closed under.
  const closed = new PassThrough();
  const running = commandInProcess(order, stack.environment(), undefined, closed);
  await eventually(() => {
    expect(stack.jobs()).toHaveLength(2);
  });
  closed.destroy(new Error('nobody reads'));
  const { exitCode, stderr } = await running;
  expect(stderr).toContain(`batch "${key}" goes on without this command`);
  expect(exitCode).toBe(75);
  const reading = new PassThrough();
  const followed = ['batch', 'results', key, '--follow'];
  const read = commandInProcess(followed, stack.environment(), undefined, reading);
  reading.destroy(new Error('nobody reads'));
  expect((await read).exitCode).toBe(74);
  stack.simulator().release();
  expect((await run(['watch', key])).exitCode).toBe(0);
});

it('is paused, added to, set, resumed, sealed and cancelled by commands', async () => {
  const key = stack.newKey();
  stack.simulator().hold({ stage: 'run' });
  const items = itemsNamed(key, 6);
  const start = ['run', await fileOf(items.slice(0, 3)), '--key', key, '--model', flux, '--yes', '--window', '1'];
  expect(await json(...start, '--keep-open', '--no-wait')).toMatchObject({ exitCode: 0, document: { key, count: 3 } });
  await eventually(() => {
    expect(stack.jobs()).toHaveLength(1);
  });
  expect((await run(['pause', key, '--reason', 'a look'])).exitCode).toBe(0);
  expect((await json<BatchState>('status', key)).document).toMatchObject({
    phase: 'paused',
    paused: { reason: 'user' },
  });
  expect((await json('add', key, await fileOf(items.slice(3), 'more.jsonl'))).document).toEqual({ count: 6, added: 3 });
  expect((await json('set', key, '--window', '2')).document).toMatchObject({ window: 2 });
  expect((await run(['set', key])).exitCode).toBe(64);
  expect((await run(['resume', key])).exitCode).toBe(0);
  expect((await json('seal', key)).document).toEqual({ count: 6 });
  // What waits in RunComfy's queue yet could be cancelled.
  await eventually(() => {
    expect(stack.jobs().map(({ state }) => state)).toEqual(['in_progress', 'in_progress']);
  });
  const cancelled = await json('cancel', key, '--reason', 'enough');
  expect(cancelled.document).toMatchObject({ outcome: { neverStarted: 4, notCancellable: 2 } });
  stack.simulator().release();
  expect((await run(['watch', key])).exitCode).toBe(1);
  const ended = (await json<BatchState>('status', key)).document;
  expect(ended).toMatchObject({ phase: 'cancelled', counts: { total: 6, succeeded: 2, notStarted: 4 } });
  expect(stack.jobs()).toHaveLength(2);
});

it('leaves at a word a batch that is still being sent, and says how the rest follows', async () => {
  const key = stack.newKey();
  // Without a worker the sending waits for one.
  const nobody = { ...stack.environment(), RUNCOMFY_TASK_QUEUE: `nobody-${key}` };
  const order = ['run', await fileOf(itemsNamed(key, 2)), '--key', key, '--model', flux, '--yes', '--no-wait'];
  const running = commandInProcess(['batch', ...order], nobody);
  const batch = stack.client().workflow.getHandle(key);
  await eventually(() => batch.describe());
  process.emit('SIGTERM');
  const { exitCode, stdout } = await running;
  const { error } = JSON.parse(stdout) as Failure;
  const again = ['runcomfy-temporal', 'batch', ...order].join(' ');
  const message = `batch "${key}" does not have all of its items: \`${again}\` sends the rest, \`runcomfy-temporal batch cancel ${key}\` stops it`;
  expect({ exitCode, type: error.type, message: error.message }).toEqual({
    exitCode: 75,
    type: 'StillRunning',
    message,
  });
  await batch.terminate();
});

it('goes on where a command was killed in its upload, from another folder', async () => {
  const key = stack.newKey();
  stack.simulator().hold({ stage: 'run' });
  const items = itemsNamed(key, 1_500);
  const order = (file: string) => ['batch', 'run', file, '--key', key, '--model', flux, '--yes', '--window', '1'];
  const first = stack.start([...order(await fileOf(items)), '--no-wait']);
  await eventually(async () => {
    expect((await json<BatchState>('status', key)).document.counts.total).toBeGreaterThan(0);
  });
  first.kill('SIGKILL');
  await first.ended;
  const elsewhere = await fileOf(items, 'the-same-elsewhere.jsonl');
  const second = await json(...order(elsewhere).slice(1), '--no-wait');
  expect(second).toMatchObject({ exitCode: 0, document: { count: 1_500 } });
  expect((await json<BatchState>('status', key)).document).toMatchObject({ sealed: true, counts: { total: 1_500 } });
  const kept = linesIn<BatchItem>((await run(['items', key])).stdout);
  expect(kept.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
  await eventually(() => {
    expect(stack.jobs()).toHaveLength(1);
  });
  expect((await json('cancel', key)).document).toMatchObject({ outcome: { neverStarted: 1_499 } });
  stack.simulator().release();
  expect((await run(['watch', key])).exitCode).toBe(1);
  expect(linesIn((await run(['results', key])).stdout)).toHaveLength(1_500);
  expect(stack.jobs()).toHaveLength(1);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, inject, it, vi } from 'vitest';
import { runCli } from '../../cli/main.ts';
import type { KnownPipelineState } from '../../client/index.ts';
import type { PipelinePreview } from '../../domain/pipeline/pipeline-preview.ts';
import type { PipelineResult, PipelineState } from '../../domain/pipeline/pipeline-run.ts';
import { eventually, untilSeen } from '../support/eventually.ts';
import { type PipelineStack, pipelineStack, stillAndClip } from '../support/pipelines.ts';
import { until } from '../support/processes.ts';
import { onTestFinished } from '../support/test-end.ts';

let stack: PipelineStack;

beforeEach(async () => {
  stack = await pipelineStack();
  vi.stubEnv('TEMPORAL_ADDRESS', inject('temporalAddress'));
  vi.stubEnv('RUNCOMFY_TASK_QUEUE', stack.workers.taskQueue);
  vi.stubEnv('RUNCOMFY_MODEL_API_BASE', stack.simulator.modelApiBase);
});

/** Runs a command line in this process. */
const run = (...args: string[]) => runOn({}, ...args);

/** The same; `typed` is what a person types on a terminal, `onOut` hears what stands on standard output so far. */
async function runOn({ typed, onOut }: { typed?: string; onOut?: (out: string) => void }, ...args: string[]) {
  const stream = () => Object.assign(new PassThrough(), { isTTY: typed !== undefined, columns: 200 });
  const [stdin, stdout, stderr] = [stream(), stream(), stream()];
  stdin.end(typed);
  let [out, err] = ['', ''];
  stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    onOut?.(out);
  });
  stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exitCode = await runCli(['pipeline', ...args], { stdin, stdout, stderr });
  return { exitCode, out, err };
}

/** Its standard output is one JSON document. */
async function cli(...args: string[]) {
  const { exitCode, out, err } = await run(...args, '--output', 'json');
  return { exitCode, document: JSON.parse(out) as unknown, err };
}

/** What `pipeline status` tells once a worker has the time to answer: without one the server tells less. */
async function statusOf(key: string): Promise<PipelineState> {
  return await untilSeen(async () => {
    const state = (await cli('status', key)).document as KnownPipelineState;
    return state.isFromServer ? undefined : state;
  });
}

async function planFile(plan: unknown): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-plan-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'plan.json');
  await writeFile(file, JSON.stringify(plan));
  return file;
}

it('pipeline run prints what the workflow returned; status, list and a second run find it and order nothing', async () => {
  const key = stack.key();
  const file = await planFile(stillAndClip(key));
  const first = await cli('run', file, '--key', key);
  const result = first.document as PipelineResult;
  expect(first.exitCode).toBe(0);
  expect(result).toMatchObject({ key, phase: 'succeeded' });
  const second = await cli('run', file, '--key', key, '--label', 'team=film');
  expect(second.document).toEqual(result);
  expect(second.err).toContain('with the labels that it was started with');
  expect((await cli('result', key, '--no-wait')).document).toEqual(result);
  expect(stack.simulator.ledger().jobs).toHaveLength(2);
  expect((await cli('status', key)).document as PipelineState).toMatchObject({ phase: 'succeeded' });
  // The index lags, and other tests list theirs beside it.
  await eventually(async () => {
    expect(JSON.stringify((await cli('list', '--limit', '10000')).document)).toContain(key);
  });
  const edited = await cli('run', await planFile(stillAndClip(`${key} edited`)), '--key', key);
  expect(edited).toMatchObject({ exitCode: 65, document: { error: { type: 'KeyInUse', key } } });
});

it('an approval is decided by a command, and a choice out of range is refused', async () => {
  const key = stack.key();
  const plan = {
    version: 1,
    steps: {
      still: { ...stillAndClip(key).steps.still, forEach: [1, 2], take: 1, input: { prompt: `${key} \${{ item }}` } },
      pick: { approval: { choose: '${{ steps.still.images }}', message: 'Which?' } },
      clip: {
        model: stillAndClip(key).steps.clip.model,
        input: { prompt: `${key} clip`, start_image_url: '${{ steps.pick.choice }}' },
      },
    },
    outputs: { clip: '${{ steps.clip.video }}', chosen: '${{ steps.pick.choice }}' },
  };
  await cli('run', await planFile(plan), '--key', key, '--no-wait');
  const pipeline = await stack.pipelines.get(key);
  await until('it awaits a decision', async () => (await pipeline.state()).steps[1]?.phase === 'awaiting_decision');
  expect(await cli('result', key, '--no-wait')).toMatchObject({ exitCode: 75 });
  expect(await cli('approve', key, 'pick', '--choose', '2')).toMatchObject({ exitCode: 65 });
  expect(await cli('approve', key, 'pick', '--choose', '1')).toMatchObject({ exitCode: 0 });
  const { document, exitCode } = await cli('result', key);
  const { outputs, steps } = document as PipelineResult;
  expect(exitCode).toBe(0);
  expect(outputs['chosen']).toBe(steps['still']?.output?.images[1]);
  expect(stack.jobsOf(`${key} clip`)[0]?.input['start_image_url']).toBe(outputs['chosen']);
  expect(outputs['clip']).toBe(steps['clip']?.output?.videos[0]);
});

it('a rejected step whose failure is no end leaves a partial pipeline, which exits with 2; params come from a file', async () => {
  const key = stack.key();
  const { still } = stillAndClip(key).steps;
  const plan = {
    version: 1,
    params: { scene: { type: 'string' } },
    steps: {
      pick: { approval: { choose: ['a', 'b'] }, onFailure: 'continue' },
      still: { ...still, input: { prompt: '${{ params.scene }}' } },
    },
  };
  const scene = `${key}: of a file`;
  const run = ['run', await planFile(plan), '--key', key, '--params-file', await planFile({ scene })];
  await cli(...run, '--no-wait');
  const pipeline = await stack.pipelines.get(key);
  await until('it awaits a decision', async () => (await pipeline.state()).steps[0]?.phase === 'awaiting_decision');
  expect(await cli('reject', key, 'pick', '--reason', 'none of them')).toMatchObject({ exitCode: 0 });
  const steps = { pick: { phase: 'failed' }, still: { phase: 'succeeded' } };
  const partial = { exitCode: 2, document: { phase: 'partial', steps } };
  expect(await cli('result', key)).toMatchObject(partial);
  expect(await cli(...run)).toMatchObject(partial);
  expect(stack.simulator.ledger().jobs.map(({ input }) => input['prompt'])).toEqual([scene]);
  const approval = { decision: 'reject', reason: 'none of them' };
  expect(await statusOf(key)).toMatchObject({ phase: 'partial', steps: [{ approval }, {}] });
});

it('cancel tells what became of each order and waits for what runs; with --detach it lets that go', async () => {
  stack.simulator.hold({ stage: 'run' });
  const [waited, detached] = [stack.key(), stack.key()];
  for (const key of [waited, detached]) {
    await cli('run', await planFile(stillAndClip(key)), '--key', key, '--no-wait');
    await until('the still is being made', () => stack.jobsOf(`${key} still`)[0]?.startedAt !== undefined);
  }
  const cancelled = () => run('cancel', waited, '--reason', 'wrong scene', '--output', 'pretty');
  let cancel = await cancelled();
  // A machine that has much to do may not have answered in time.
  for (let tries = 0; tries < 5 && cancel.out.startsWith('unknown'); tries += 1) cancel = await cancelled();
  expect(cancel.exitCode).toBe(0);
  expect(cancel.out).toMatch(/^not_cancellable: .* \(phase stopping\)$/m);
  expect(cancel.out).toMatch(/^still +not_cancellable +\S+\/still@/m);
  expect(cancel.out).toMatch(/^clip +not_submitted/m);
  expect(await cli('result', waited, '--no-wait')).toMatchObject({ exitCode: 75 });
  const reply = { outcome: 'not_cancellable', steps: [{ id: 'still', outcome: 'not_cancellable' }, { id: 'clip' }] };
  expect(await cli('cancel', detached, '--detach')).toMatchObject({ exitCode: 0, document: reply });
  const failure = { exitCode: 1, document: { error: { type: 'PipelineCancelled' } } };
  expect(await cli('result', detached)).toMatchObject(failure);
  expect(stack.simulator.ledger().jobs.map(({ finishedAt }) => finishedAt)).toEqual([undefined, undefined]);
  stack.simulator.release();
  expect(await cli('result', waited)).toMatchObject(failure);
  expect(await statusOf(waited)).toMatchObject({
    cancel: { reason: 'wrong scene' },
    steps: [{ phase: 'succeeded' }, {}],
  });
  expect(stack.simulator.ledger().jobs).toHaveLength(2);
});

it('--dry-run says before a re-run what is ordered, under which keys and for how much; the ledger agrees', async () => {
  vi.stubEnv('RUNCOMFY_API_TOKEN', 'sim-in-process');
  const key = stack.key();
  const { still, clip } = stillAndClip(key).steps;
  const plan = (items: string[]) => ({
    version: 1,
    steps: {
      still: { ...still, forEach: items, input: { prompt: `${key} \${{ item }}` } },
      clip: { ...clip, input: { ...clip.input, start_image_url: '${{ steps.still.images[0] }}' } },
    },
  });
  await cli('run', await planFile(plan(['a', 'b', 'c'])), '--key', key);
  const before = stack.simulator.ledger();
  const edited = await planFile(plan(['a', 'b', 'other']));
  const preview = (await cli('run', edited, '--key', key, '--rerun', '--dry-run')).document as PipelinePreview;
  expect(stack.simulator.ledger().jobs).toHaveLength(before.jobs.length);
  expect(preview).toMatchObject({ ordered: 1, reused: 3 });
  expect(preview.orders[2]).toMatchObject({ decision: 'order', reason: 'input changed: $.prompt' });
  expect((await cli('run', edited, '--key', key, '--rerun')).exitCode).toBe(0);
  const { jobs, totals } = stack.simulator.ledger();
  expect(jobs.slice(before.jobs.length).map(({ input }) => input['prompt'])).toEqual([`${key} other`]);
  expect(totals.chargedUsd - before.totals.chargedUsd).toBeCloseTo(preview.totalUsd ?? Number.NaN, 6);
  const { steps } = await statusOf(key);
  expect(steps[0]?.items?.map((item) => item.key)).toEqual(preview.orders.slice(0, 3).map((order) => order.key));
});

it('watch shows a line for each step that has changed, or states as JSON, and both exit as the pipeline ends', async () => {
  const key = stack.key();
  stack.simulator.hold({ stage: 'run' });
  await cli('run', await planFile(stillAndClip(key)), '--key', key, '--no-wait');
  const shown = { pretty: '', json: '' };
  const watched = (['pretty', 'json'] as const).map((format) =>
    runOn({ onOut: (out) => (shown[format] = out) }, 'watch', key, '--output', format),
  );
  // Nothing goes on before both have shown that the still is being made.
  const isShown = () => shown.pretty.includes('still  in progress') && shown.json.includes('"phase":"in_progress"');
  await until('both have shown it', isShown);
  stack.simulator.release();
  const [pretty, json] = await Promise.all(watched);
  expect([pretty?.exitCode, json?.exitCode]).toEqual([0, 0]);
  const lines = (pretty?.out ?? '').trim().split('\n');
  const rows = [/^clip {3}waiting/, /^still {2}in progress/, /^clip {3}succeeded/, / · succeeded/];
  expect(rows.filter((row) => !lines.some((each) => row.test(each)))).toEqual([]);
  const states = (json?.out ?? '')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as PipelineState);
  expect(states.at(-1)).toMatchObject({ phase: 'succeeded', steps: [{ id: 'still' }, { id: 'clip' }] });
});

it('a key that nobody knows, and one of a generation, are refused in the words of pipelines', async () => {
  const unknown = await cli('status', stack.key());
  expect(unknown).toMatchObject({ exitCode: 66, document: { error: { type: 'KeyNotFound' } } });
  expect(JSON.stringify(unknown.document)).toContain('there is no pipeline');
  const key = stack.key();
  const { still } = stillAndClip(key).steps;
  await stack.generations.start(still, { key });
  expect(await cli('status', key)).toMatchObject({ exitCode: 65, document: { error: { type: 'KeyInUse' } } });
});

it('a person is told the price of what a run orders, and asked, unless nothing is ordered', async () => {
  vi.stubEnv('RUNCOMFY_API_TOKEN', 'sim-in-process');
  const key = stack.key();
  const { still, clip } = stillAndClip(key).steps;
  const plan = (prompt: string) => ({
    version: 1,
    steps: { still, clip: { ...clip, input: { ...clip.input, prompt } } },
  });
  const file = await planFile(plan('calm'));
  const declined = await runOn({ typed: 'n\n' }, 'run', file, '--key', key);
  expect(declined.exitCode).toBe(64);
  expect(declined.err).toMatch(/expected price: \$[\d.]+ for 2 orders\n/);
  expect(declined.err).toContain('nothing was ordered: not confirmed');
  const nameless = await runOn({ typed: 'n\n' }, 'run', file, '--output', 'json');
  expect(nameless.err).toMatch(/expected price: \$[\d.]+\n/);
  expect(stack.simulator.ledger().jobs).toEqual([]);
  expect((await runOn({ typed: 'y\n' }, 'run', file, '--key', key)).exitCode).toBe(0);
  const attached = await runOn({ typed: '' }, 'run', file, '--key', key);
  expect(attached).toMatchObject({ exitCode: 0 });
  expect(attached.err).not.toContain('run it?');
  const edited = await planFile(plan('stormy'));
  const again = await runOn({ typed: 'y\n' }, 'run', edited, '--key', key, '--rerun');
  expect(again.err).toMatch(/expected price: \$[\d.]+ for 1 order, 1 reused\n/);
  expect(again.exitCode).toBe(0);
  expect(stack.simulator.ledger().jobs).toHaveLength(3);
  const long = await runOn({ typed: '' }, 'run', file, '--deadline', '400d');
  expect(long.exitCode).toBe(65);
  expect(long.err).toContain('request.deadlineMs');
  const dear = await run('run', file, '--max-cost', '0.01', '--output', 'json');
  expect(dear.exitCode).toBe(65);
  expect(dear.out).toContain('and maxCostUsd is 0.01');
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, expect, inject, it, vi } from 'vitest';
import { runCli } from '../../cli/main.ts';
import type { PipelineResult, PipelineState } from '../../domain/pipeline-run.ts';
import { hangMs } from '../support/patience.ts';
import { type PipelineStack, pipelineStack, stillAndClip } from '../support/pipelines.ts';
import { onTestFinished } from '../support/test-end.ts';

let stack: PipelineStack;

beforeEach(async () => {
  stack = await pipelineStack();
  vi.stubEnv('TEMPORAL_ADDRESS', inject('temporalAddress'));
  vi.stubEnv('RUNCOMFY_TASK_QUEUE', stack.workers.taskQueue);
  vi.stubEnv('RUNCOMFY_MODEL_API_BASE', stack.simulator.modelApiBase);
});

/** Runs a command line in this process; its standard output is one JSON document. */
async function cli(...args: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const printed = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await runCli(['pipeline', ...args, '--output', 'json'], { stdin, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { exitCode, document: JSON.parse(out) as unknown, err };
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
  const second = await cli('run', file, '--key', key);
  expect(second.document).toEqual(result);
  expect((await cli('result', key, '--no-wait')).document).toEqual(result);
  expect(stack.simulator.ledger().jobs).toHaveLength(2);
  expect((await cli('status', key)).document as PipelineState).toMatchObject({ phase: 'succeeded' });
  expect(JSON.stringify((await cli('list')).document)).toContain(key);
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
  await vi.waitUntil(async () => (await pipeline.state()).steps[1]?.phase === 'awaiting_decision', { timeout: hangMs });
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

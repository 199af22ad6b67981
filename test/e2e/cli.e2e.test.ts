import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import type { GenerationResult, GenerationState } from '../../domain/generation.ts';
import { sameWithinMs } from '../../setup/stop-signals.ts';
import { cliStack } from '../support/cli-stack.ts';
import { run, until } from '../support/examples/examples.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';

const stack = cliStack();
const { taskQueue, input, start, json, generate, newKey, jobs, totals } = stack;

describe('generate', () => {
  it('prints exactly what the workflow returned; the same order again attaches and is billed no second time', async () => {
    const key = newKey();
    const first = await json<GenerationResult>(generate(key));
    expect(first).toMatchObject({ code: 0, document: { model: flux, requestId: jobs()[0]?.id } });
    expect(first.document).toEqual(await stack.client().workflow.getHandle(key).result());

    const again = await json<GenerationResult>(generate(key, '--deadline', '5m'));
    expect(again.document).toEqual(first.document);
    expect(again.stderr).toContain('deadlineMs of this call had no effect');
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('refuses a key that was used with another input, another model or by another workflow', async () => {
    const key = newKey();
    await json(generate(key, '--no-wait'));
    const otherInput = await json(['generate', flux, '--input', '{"prompt":"a storm"}', '--key', key]);
    const otherModel = await json(['generate', kling, '--input', JSON.stringify(klingInput), '--key', key]);
    const payment = newKey();
    const other = await stack
      .client()
      .workflow.start('payment', { workflowId: payment, taskQueue: newKey(), args: [] });
    const otherType = await json(generate(payment));
    await other.terminate();
    for (const { code, document } of [otherInput, otherModel, otherType]) {
      expect({ code, type: document.error.type }).toEqual({ code: 65, type: 'KeyInUse' });
    }
    expect(otherType.document.error).toMatchObject({
      key: payment,
      message: expect.stringContaining('payment') as string,
    });
    // An order still on its way would be another test's.
    await until(
      () => jobs().length === 1,
      'the order was accepted',
      () => JSON.stringify(jobs()),
    );
  });

  it('attaches to what a plain Temporal client started, compared by its first event', async () => {
    const key = newKey();
    const request = { input: { prompt: 'a lighthouse' }, deadlineMs: null, model: flux };
    await stack.client().workflow.start('runcomfyGeneration', { workflowId: key, taskQueue, args: [request] });
    expect(await json(generate(key))).toMatchObject({ code: 0, document: { model: flux }, stderr: '' });
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('submits once however many start the same key at the same time', async () => {
    const key = newKey();
    const all = await Promise.all(
      Array.from({ length: 5 }, () => stack.jsonOfProcess<GenerationResult>(generate(key))),
    );
    expect(new Set(all.map(({ document }) => document.requestId)).size).toBe(1);
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('reads the input from standard input', async () => {
    const command = `printf '%s' '${input}' | ${inject('programPath')} generate ${flux} --input-file - --output json`;
    const { code, stdout } = await run('sh', ['-c', command], stack.environment()).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: flux });
  });

  it('refuses a bad input with every problem, without asking anybody', async () => {
    const bad = JSON.stringify({ prompt: ' ', duration: 2 });
    const { code, document } = await json(['generate', kling, '--input', bad], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(code).toBe(65);
    expect(document.error.type).toBe('InvalidInput');
    expect(document.error.issues?.map((issue) => issue.path).sort()).toEqual([
      '$.duration',
      '$.prompt',
      '$.start_image_url',
    ]);
    expect(totals()).toMatchObject({ accepted: 0 });
  });

  it('says which task queue nobody polls, and leaves the generation there', async () => {
    const nowhere = { RUNCOMFY_TASK_QUEUE: newKey() };
    const key = newKey();
    const waiting = await json(generate(key), nowhere);
    expect(waiting).toMatchObject({ code: 69, document: { error: { type: 'NoWorker', key } } });
    expect(waiting.document.error.message).toContain(nowhere.RUNCOMFY_TASK_QUEUE);

    const state = await json<GenerationState>(['status', key], nowhere);
    expect(state).toMatchObject({ code: 69, document: { phase: 'submitting', model: flux, isFromServer: true } });
    expect(state.stderr).toContain('no worker answers');
    const cancel = await json<unknown>(['cancel', key], nowhere);
    expect(cancel).toMatchObject({ code: 0, document: { outcome: 'unknown', phase: 'submitting' } });
  });

  it('starts anew only where the last run provably cost nothing, and once for two who retry together', async () => {
    const key = newKey();
    stack.simulator().setBalance('sim-cli', 0);
    expect(await json(generate(key))).toMatchObject({
      code: 69,
      document: { error: { type: 'InsufficientBalance', key } },
    });
    stack.simulator().setBalance('sim-cli', 100);
    expect(await json(generate(key))).toMatchObject({ code: 69 });
    const both = await Promise.all([1, 2].map(() => stack.jsonOfProcess(generate(key, '--retry'))));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(totals()).toMatchObject({ accepted: 1 });

    const billed = newKey();
    stack.simulator().setScenario('fails');
    expect(await json(generate(billed))).toMatchObject({ code: 1, document: { error: { type: 'GenerationFailed' } } });
    const refused = await json(generate(billed, '--retry'));
    expect(refused).toMatchObject({ code: 1, document: { error: { type: 'GenerationFailed' } } });
    expect(refused.stderr).toContain('not started again: RunComfy accepted the order');
    expect(totals()).toMatchObject({ accepted: 2 });
  });
});

describe('Ctrl-C while waiting', () => {
  it('asks RunComfy to cancel and says what became of it', async () => {
    const key = newKey();
    stack.simulator().hold({ stage: 'queue' });
    const waiting = start(generate(key, '--output', 'json'));
    await until(() => jobs().length === 1, 'the order was accepted', waiting.output);
    waiting.kill('SIGINT');
    const { code, stdout, stderr } = await waiting.ended;
    expect(stderr).toContain('cancelled: RunComfy stopped the work');
    expect(JSON.parse(stdout)).toMatchObject({ error: { type: 'GenerationCancelled', key, requestId: jobs()[0]?.id } });
    expect(code).toBe(1);
  });

  it('leaves the generation to itself the second time, and names the key', async () => {
    const key = newKey();
    stack.simulator().hold({ stage: 'run' });
    const waiting = start(generate(key, '--output', 'pretty'));
    await until(() => waiting.output().includes('in progress'), 'the work was running', waiting.output);
    waiting.kill('SIGINT');
    await until(() => waiting.output().includes('not_cancellable'), 'the cancel was answered', waiting.output);
    // Sooner it would be the first one, which npm tells once more.
    await sleep(sameWithinMs);
    waiting.kill('SIGINT');
    const { code, stderr } = await waiting.ended;
    expect(stderr).toContain(`runcomfy-temporal result ${key}`);
    expect(code).toBe(75);
    stack.simulator().release();
    expect(await json(['result', key])).toMatchObject({ code: 0 });
  });
});

describe('a running generation', () => {
  it('is shown, cancelled and remembered by key', async () => {
    const key = newKey();
    stack.simulator().hold({ stage: 'queue' });
    const started = await json<{ key: string; runId: string }>(generate(key, '--no-wait'));
    expect(started).toMatchObject({ code: 0, document: { key, runId: expect.any(String) as string } });
    await until(
      () => (jobs()[0]?.statusCalls ?? 0) > 0,
      'the order was read',
      () => JSON.stringify(jobs()),
    );

    expect(await json(['result', key, '--no-wait'])).toMatchObject({
      code: 75,
      document: { error: { type: 'StillRunning' } },
    });
    expect(await json<GenerationState>(['status', key])).toMatchObject({
      code: 0,
      document: { phase: 'in_queue', model: flux },
    });
    expect(await json(['resolve', key, '--abandon'])).toMatchObject({
      code: 65,
      document: { error: { type: 'ResolutionRefused' } },
    });
    const cancelled = await json<unknown>(['cancel', key, '--reason', 'enough']);
    expect(cancelled).toMatchObject({ code: 0, document: { outcome: 'cancelled', phase: 'cancelled' } });
    expect(await json<unknown>(['cancel', key])).toMatchObject({
      code: 0,
      document: { outcome: 'too_late', phase: 'cancelled' },
    });
    expect(await json(['result', key])).toMatchObject({
      code: 1,
      document: { error: { type: 'GenerationCancelled', key } },
    });

    const { stdout, code } = await start(['watch', key, '--output', 'json']).ended;
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as GenerationState);
    expect(lines.at(-1)).toMatchObject({ phase: 'cancelled', cancel: { reason: 'enough', outcome: 'cancelled' } });
    expect(code).toBe(1);
    const cancelledOnes = ['list', '--phase', 'cancelled', '--limit', '10000'];
    await expect
      .poll(async () => (await json<{ generations: { key: string }[] }>(cancelledOnes)).document.generations)
      .toContainEqual(expect.objectContaining({ key, model: flux, phase: 'cancelled' }));
  });

  it('is downloaded, and not from a host that nobody allowed', async () => {
    const key = newKey();
    const into = path.join(stack.directory(), key);
    const { host } = await stack.serveFilesElsewhere();
    const refused = await json<unknown>(generate(key, '--download', into));
    expect(refused).toMatchObject({ code: 69, document: { model: flux, requestId: jobs()[0]?.id } });
    expect(refused.stderr).toContain('DownloadFailed: ');
    expect(refused.stderr).toContain(`\`runcomfy-temporal result ${key} --download ${into}\` goes on`);
    const args = ['result', key, '--download', into, '--allow-host', host];
    expect(await json(args)).toMatchObject({ code: 0, document: { model: flux } });
    expect(await json(args)).toMatchObject({ code: 0 });
    expect(await readdir(into)).toHaveLength(1);
  });

  it('whose deadline passed is collected late, without a second order', async () => {
    stack.simulator().hold({ stage: 'run' });
    let key = newKey();
    let late = await json(generate(key, '--deadline', '40s'));
    // A machine that has much else to do may send nothing in that time.
    for (let tries = 0; tries < 3 && jobs().length === 0; tries += 1) {
      key = newKey();
      late = await json(generate(key, '--deadline', '90s'));
    }
    expect(late).toMatchObject({
      code: 75,
      document: { error: { type: 'GenerationTimedOut', requestId: jobs()[0]?.id } },
    });
    expect(late.document.error.message).toContain(`result ${key} --late`);
    stack.simulator().release();
    expect(await json(['result', key, '--late'])).toMatchObject({ code: 0, document: { requestId: jobs()[0]?.id } });
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('whose submission is unknown is held until a person adopts the request', async () => {
    const key = newKey();
    stack.simulator().setScenario('lost-reply');
    await json(generate(key, '--no-wait'));
    await expect
      .poll(async () => (await json<GenerationState>(['status', key])).document.phase, { interval: 500 })
      .toBe('submission_unknown');
    const requestId = jobs()[0]?.id ?? '';
    const adopted = await json<unknown>(['resolve', key, '--adopt', requestId]);
    expect(adopted).toMatchObject({ code: 0, document: { requestId } });
    expect(await json(['result', key])).toMatchObject({ code: 0, document: { requestId } });
    expect(totals()).toMatchObject({ accepted: 1 });
  });
});

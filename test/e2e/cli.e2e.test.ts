import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { GenerationResult, GenerationState } from '../../domain/generation.ts';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { type Ended, run, type Running, until } from '../support/examples/examples.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';

const taskQueue = `cli-${randomUUID()}`;
const input = JSON.stringify({ prompt: 'a lighthouse' });
let simulator: Simulator;
let directory: string;
let worker: Running;
let connection: Connection;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'runcomfy-cli-'));
  simulator = await startSimulator({ seed: 3, scenario: 'quick' });
  connection = await Connection.connect({ address: inject('temporalAddress') });
  environment = {
    PATH: process.env['PATH'],
    HOME: directory,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: inject('temporalNamespace'),
    RUNCOMFY_TASK_QUEUE: taskQueue,
    RUNCOMFY_MODEL_API_BASE: simulator.modelApiBase,
    RUNCOMFY_SERVERLESS_API_BASE: simulator.serverlessApiBase,
    RUNCOMFY_STATE_DIR: path.join(directory, 'state'),
  };
  worker = start(['worker'], { RUNCOMFY_API_TOKEN: 'sim-cli' });
  await Promise.race([
    until(() => worker.output().includes('worker started'), 'the worker started', worker.output),
    worker.ended.then(({ stdout, stderr }) => Promise.reject(new Error(`The worker ended: ${stdout}${stderr}`))),
  ]);
});

afterAll(async () => {
  worker.kill('SIGTERM');
  await worker.ended;
  await simulator.close();
  await connection.close();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(() => {
  simulator.reset();
  simulator.setScenario('quick');
});

function start(args: string[], env: NodeJS.ProcessEnv = {}): Running {
  return run(process.execPath, ['bin/runcomfy-temporal', ...args], { ...environment, ...env });
}

interface Done<Document> extends Ended {
  document: Document;
}

interface Failure {
  error: { type: string; message: string; requestId?: string; key?: string; issues?: { path: string }[] };
}

/** Runs a command whose standard output is one JSON document. */
async function json<Document = Failure>(args: string[], env?: NodeJS.ProcessEnv): Promise<Done<Document>> {
  const ended = await start([...args, '--output', 'json'], env).ended;
  return { ...ended, document: JSON.parse(ended.stdout) as Document };
}

const newKey = () => `cli-${randomUUID()}`;
const jobs = () => simulator.ledger().jobs;
const totals = () => simulator.ledger().totals;
const generate = (key: string, ...more: string[]) => ['generate', flux, '--input', input, '--key', key, ...more];

describe('generate', () => {
  it('prints exactly what the workflow returned; the same order again attaches and is billed no second time', async () => {
    const key = newKey();
    const first = await json<GenerationResult>(generate(key));
    expect(first).toMatchObject({ code: 0, document: { model: flux, requestId: jobs()[0]?.id } });
    const client = new Client({ connection, namespace: inject('temporalNamespace') });
    expect(first.document).toEqual(await client.workflow.getHandle(key).result());

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
    const client = new Client({ connection, namespace: inject('temporalNamespace') });
    const other = await client.workflow.start('payment', { workflowId: payment, taskQueue: newKey(), args: [] });
    const otherType = await json(generate(payment));
    await other.terminate();
    for (const { code, document } of [otherInput, otherModel, otherType]) {
      expect({ code, type: document.error.type }).toEqual({ code: 65, type: 'KeyInUse' });
    }
    expect(otherType.document.error).toMatchObject({
      key: payment,
      message: expect.stringContaining('payment') as string,
    });
  });

  it('attaches to what a plain Temporal client started, compared by its first event', async () => {
    const key = newKey();
    const client = new Client({ connection, namespace: inject('temporalNamespace') });
    const request = { input: { prompt: 'a lighthouse' }, deadlineMs: null, model: flux };
    await client.workflow.start('runcomfyGeneration', { workflowId: key, taskQueue, args: [request] });
    expect(await json(generate(key))).toMatchObject({ code: 0, document: { model: flux }, stderr: '' });
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('submits once however many start the same key at the same time', async () => {
    const key = newKey();
    const all = await Promise.all(Array.from({ length: 5 }, () => json<GenerationResult>(generate(key))));
    expect(new Set(all.map(({ document }) => document.requestId)).size).toBe(1);
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('reads the input from standard input', async () => {
    const command = `printf '%s' '${input}' | bin/runcomfy-temporal generate ${flux} --input-file - --output json`;
    const { code, stdout } = await run('sh', ['-c', command], environment).ended;
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
    simulator.setBalance('sim-cli', 0);
    expect(await json(generate(key))).toMatchObject({
      code: 69,
      document: { error: { type: 'InsufficientBalance', key } },
    });
    simulator.setBalance('sim-cli', 100);
    expect(await json(generate(key))).toMatchObject({ code: 69 });
    const both = await Promise.all([json(generate(key, '--retry')), json(generate(key, '--retry'))]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(totals()).toMatchObject({ accepted: 1 });

    const billed = newKey();
    simulator.setScenario('fails');
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
    simulator.hold({ stage: 'queue' });
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
    simulator.hold({ stage: 'run' });
    const waiting = start(generate(key, '--output', 'pretty'));
    await until(() => waiting.output().includes('in progress'), 'the work was running', waiting.output);
    waiting.kill('SIGINT');
    await until(() => waiting.output().includes('not_cancellable'), 'the cancel was answered', waiting.output);
    waiting.kill('SIGINT');
    const { code, stderr } = await waiting.ended;
    expect(stderr).toContain(`runcomfy-temporal result ${key}`);
    expect(code).toBe(75);
    simulator.release();
    expect(await json(['result', key])).toMatchObject({ code: 0 });
  });
});

describe('a running generation', () => {
  it('is shown, cancelled and remembered by key', async () => {
    const key = newKey();
    simulator.hold({ stage: 'queue' });
    const started = await json<{ key: string; runId: string }>(generate(key, '--no-wait'));
    expect(started).toMatchObject({ code: 0, document: { key, runId: expect.any(String) as string } });
    await until(
      () => jobs().length === 1,
      'the order was accepted',
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
    await expect
      .poll(
        async () =>
          (await json<{ generations: { key: string }[] }>(['list', '--phase', 'cancelled'])).document.generations,
      )
      .toContainEqual(expect.objectContaining({ key, model: flux, phase: 'cancelled' }));
  });

  it('is downloaded, and not from a host that nobody allowed', async () => {
    const key = newKey();
    const into = path.join(directory, key);
    const refused = await json<unknown>(generate(key, '--download', into));
    expect(refused).toMatchObject({ code: 69, document: { model: flux, requestId: jobs()[0]?.id } });
    expect(refused.stderr).toContain('DownloadFailed: ');
    expect(refused.stderr).toContain(`\`runcomfy-temporal result ${key} --download ${into}\` goes on`);
    const args = ['result', key, '--download', into, '--allow-host', '127.0.0.1'];
    expect(await json(args)).toMatchObject({ code: 0, document: { model: flux } });
    expect(await json(args)).toMatchObject({ code: 0 });
    expect(await readdir(into)).toHaveLength(1);
  });

  it('whose deadline passed is collected late, without a second order', async () => {
    const key = newKey();
    simulator.hold({ stage: 'run' });
    const late = await json(generate(key, '--deadline', '3s'));
    expect(late).toMatchObject({
      code: 75,
      document: { error: { type: 'GenerationTimedOut', requestId: jobs()[0]?.id } },
    });
    expect(late.document.error.message).toContain(`result ${key} --late`);
    simulator.release();
    expect(await json(['result', key, '--late'])).toMatchObject({ code: 0, document: { requestId: jobs()[0]?.id } });
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('whose submission is unknown is held until a person adopts the request', async () => {
    const key = newKey();
    simulator.setScenario('lost-reply');
    await json(generate(key, '--no-wait'));
    await expect
      .poll(async () => (await json<GenerationState>(['status', key])).document.phase, {
        timeout: 60_000,
        interval: 500,
      })
      .toBe('submission_unknown');
    const requestId = jobs()[0]?.id ?? '';
    const adopted = await json<unknown>(['resolve', key, '--adopt', requestId]);
    expect(adopted).toMatchObject({ code: 0, document: { requestId } });
    expect(await json(['result', key])).toMatchObject({ code: 0, document: { requestId } });
    expect(totals()).toMatchObject({ accepted: 1 });
  });
});

describe('what was paid', () => {
  it('is printed before its files are fetched; a key made up is told first, and the command told goes on without a second order', async () => {
    const into = path.join(directory, newKey());
    const refused = await json<GenerationResult>(['generate', flux, '--input', input, '--download', into]);
    expect(refused).toMatchObject({ code: 69, document: { requestId: jobs()[0]?.id } });
    const [first = '', ...others] = refused.stderr.trim().split('\n');
    const told = /^key (generation-[0-9a-f-]+): `runcomfy-temporal (.+)` finds this order again$/.exec(first);
    expect(others.at(-1)).toContain(
      `key ${told?.[1] ?? '?'}; request ${refused.document.requestId}; \`runcomfy-temporal ${told?.[2] ?? '?'}\` goes on`,
    );
    const again = await json([...(told?.[2] ?? '').split(' '), '--allow-host', '127.0.0.1']);
    expect(again).toMatchObject({ code: 0, document: { requestId: refused.document.requestId } });
    expect(await readdir(into)).toHaveLength(1);
    expect(totals()).toMatchObject({ accepted: 1 });
  });

  it('is told again where standard output took nothing of it: 74, never 1', async () => {
    const key = newKey();
    const line = `bin/runcomfy-temporal ${generate(key)
      .map((word) => `'${word}'`)
      .join(' ')} --output json > /dev/full`;
    const lost = await run('sh', ['-c', line], environment).ended;
    expect(lost).toMatchObject({
      code: 74,
      stderr: expect.stringContaining(`\`runcomfy-temporal result ${key}\` tells it again`) as string,
    });
    expect(await json(['result', key])).toMatchObject({ code: 0, document: { requestId: jobs()[0]?.id } });
  });

  it.each([
    ['a folder that takes no files', ['--download', '/dev/full/files'], 69, 'DownloadFailed'],
    ['files of a result that is not waited for', ['--no-wait', '--download', '.'], 64, 'Usage'],
    ['a host for files that are not asked for', ['--allow-host', 'example.com'], 64, 'Usage'],
  ])('is not ordered with %s', async (_what, flags, code, type) => {
    const ended = await json(generate(newKey(), ...flags));
    expect({ code: ended.code, type: ended.document.error.type }).toEqual({ code, type });
    expect(totals()).toMatchObject({ accepted: 0 });
  });

  it('is told on Ctrl-C while a file comes in, of which nothing is left', async () => {
    const key = newKey();
    const into = path.join(directory, key);
    const slow = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png', 'content-length': '1000' });
      response.write('a start');
    });
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${String((slow.address() as AddressInfo).port)}`;
    simulator.setSwitches({ output_host: `http://${host}` });
    const running = start(generate(key, '--download', into, '--allow-host', host, '--output', 'json'));
    await expect
      .poll(() => readdir(into).catch(() => []), { timeout: 60_000 })
      .toEqual([expect.stringMatching(/\.part$/) as string]);
    running.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    slow.closeAllConnections();
    slow.close();
    expect(await readdir(into)).toEqual([]);
    expect(code).toBe(69);
    expect(JSON.parse(stdout)).toMatchObject({ requestId: jobs()[0]?.id });
    expect(stderr).toContain('it was interrupted');
    expect(stderr).toContain(`\`runcomfy-temporal result ${key} --download ${into} --allow-host ${host}\` goes on`);
  });

  it('is found again by a key that looks like an option, with the command that was printed', async () => {
    const key = `-${newKey()}`;
    const { stdout } = await start(generate(key, '--no-wait', '--output', 'pretty')).ended;
    const command = /`runcomfy-temporal (result -- .+)`/.exec(stdout)?.[1] ?? 'none';
    expect(await run('sh', ['-c', `bin/runcomfy-temporal ${command}`], environment).ended).toMatchObject({ code: 0 });
  });
});

describe('exit codes', () => {
  it.each([
    ['usage', ['generate', flux], {}, 64, 'Usage'],
    ['an unknown option', ['status', 'k', '--nope'], {}, 64, 'Usage'],
    ['two decisions', ['resolve', 'k', '--resubmit', '--abandon'], {}, 64, 'Usage'],
    ['an input that is no JSON', ['generate', flux, '--input', '{'], {}, 65, 'InvalidInput'],
    ['a missing file', ['generate', flux, '--input-file', 'no-such-file.json'], {}, 66, 'MissingFile'],
    ['an unknown key', ['status', 'no-such-key'], {}, 66, 'KeyNotFound'],
    ['no Temporal', ['status', 'k'], { TEMPORAL_ADDRESS: '127.0.0.1:1' }, 69, 'TemporalUnreachable'],
    ['no namespace', ['status', 'k'], { TEMPORAL_NAMESPACE: 'nowhere' }, 69, 'TemporalUnreachable'],
    ['a refused token', ['balance'], { RUNCOMFY_API_TOKEN: 'wrong' }, 77, 'Unauthenticated'],
    ['no token', ['balance'], {}, 78, 'Configuration'],
    ['a worker without a token', ['worker'], {}, 78, 'Configuration'],
    ['a setting that makes no sense', ['status', 'k'], { RUNCOMFY_LOG_LEVEL: 'loud' }, 78, 'Configuration'],
  ] as const)('%s', async (_what, args, env, code, type) => {
    const ended = await json([...args], env);
    expect({ code: ended.code, type: ended.document.error.type }, ended.stdout).toEqual({ code, type });
  });
});

describe('around generations', () => {
  it('doctor finds everything in order, and says what is wrong without a worker', async () => {
    const healthy = await json<{ ok: boolean }>(['doctor', '--fix'], { RUNCOMFY_API_TOKEN: 'sim-cli' });
    expect(healthy, healthy.stdout).toMatchObject({ code: 0, document: { ok: true } });
    const ill = await json<{ checks: unknown[] }>(['doctor'], { RUNCOMFY_TASK_QUEUE: newKey() });
    expect(ill.code).toBe(69);
    expect(ill.document.checks).toContainEqual(
      expect.objectContaining({ check: 'workers: submits', status: 'failed' }),
    );
  });

  it('reads catalogue and balance with the token', async () => {
    const env = { RUNCOMFY_API_TOKEN: 'sim-cli' };
    const found = await json<{ models: unknown[] }>(['models', '--search', 'kling-3.0'], env);
    expect(found.document.models).toContainEqual(expect.objectContaining({ modelId: kling }));
    expect(await json(['model', kling], env)).toMatchObject({ code: 0, document: { modelId: kling } });
    expect(await json(['balance'], env)).toMatchObject({ code: 0, document: { usd: 100 } });
  });

  it('validates bundled models offline and others against the catalogue', async () => {
    const valid = await json(['validate', kling, '--input', JSON.stringify(klingInput)]);
    expect(valid).toMatchObject({ code: 0, document: { valid: true } });
    const invalid = await json(['validate', flux, '--input', '{"prompt":7}'], { RUNCOMFY_API_TOKEN: 'sim-cli' });
    expect(invalid).toMatchObject({
      code: 65,
      document: { error: { type: 'InvalidInput', issues: [{ path: '$.prompt' }] } },
    });
  });

  it('runs the simulator until it is told to stop', async () => {
    const running = start(['simulator', '--port', '0', '--scenario', 'instant', '--output', 'json']);
    await until(() => running.output().includes('\n'), 'the simulator said where it is', running.output);
    const { url } = JSON.parse(running.output().split('\n')[0] ?? '') as { url: string };
    expect((await fetch(`${url}/__sim/healthz`)).status).toBe(200);
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});

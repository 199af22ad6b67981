import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import type { GenerationResult } from '../../domain/generation.ts';
import { run } from '../support/examples/examples.ts';
import { runCommand, temporaryFolder, until } from '../support/processes.ts';
import { flux, kling } from '../support/simulator-client.ts';

const title =
  'dev runs all that a second terminal needs for an image, the clip from it, their files and an order by HTTP, and leaves no process behind';

it(title, async () => {
  const folder = await temporaryFolder();
  const data = path.join(folder, 'data');
  const args = [inject('programPath'), 'dev', '--no-clip', '--data', data, '--output', 'json'];
  const { PATH, TEMPORAL_CLI_PATH } = process.env;
  // Both are for servers that stay: the worker must be found all the same, and read what its callers encrypt.
  const versioned = { TEMPORAL_DEPLOYMENT_NAME: 'runcomfy', TEMPORAL_WORKER_BUILD_ID: '1' };
  const RUNCOMFY_CODEC_KEYS_FILE = path.join(folder, 'codec-keys.json');
  const codecKeys = { activeKeyId: 'a', keys: { a: randomBytes(32).toString('base64') } };
  await writeFile(RUNCOMFY_CODEC_KEYS_FILE, JSON.stringify(codecKeys), { mode: 0o600 });
  const env = { PATH, TEMPORAL_CLI_PATH, HOME: folder, ...versioned, RUNCOMFY_CODEC_KEYS_FILE };
  const dev = run(process.execPath, args, env);
  const printed = await until('dev serves', () => /^\{"environment".*\}$/m.exec(dev.output())?.[0]);
  const { environment, simulatorUrl, gateway } = JSON.parse(printed) as {
    environment: Record<string, string>;
    simulatorUrl: string;
    gateway: Record<'url' | 'modelApiBase' | 'serverlessApiBase' | 'api', string>;
  };

  expect(environment).toMatchObject({ RUNCOMFY_CODEC_KEYS_FILE });

  const generate = async (model: string, input: object): Promise<GenerationResult> => {
    const command = ['generate', model, '--input', JSON.stringify(input), '--download', folder, '--output', 'json'];
    const ended = await runCommand(command, { env: environment });
    expect(ended.exitCode, ended.stderr).toBe(0);
    return JSON.parse(ended.stdout) as GenerationResult;
  };
  const image = await generate(flux, { prompt: 'a lighthouse' });
  const clip = await generate(kling, { prompt: 'the sea rises', start_image_url: image.output.images[0] });
  expect(clip.output.videos).toHaveLength(1);
  expect((await readdir(folder)).filter((name) => /\.(png|mp4)$/.test(name))).toHaveLength(2);

  const read = async (at: string) => (await (await fetch(at)).json()) as Record<string, unknown>;
  const body = JSON.stringify({ prompt: 'by the gateway' });
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'by-http' };
  await fetch(`${gateway.modelApiBase}/models/${flux}`, { method: 'POST', headers, body });
  await until('the order by HTTP is over', async () => {
    const { status } = await read(`${gateway.modelApiBase}/requests/by-http/result`);
    return status === 'succeeded';
  });
  expect(await read(`${gateway.api}/generations/by-http`)).toMatchObject({ key: 'by-http', phase: 'succeeded' });
  expect(await read(`${gateway.serverlessApiBase}/balance`)).toHaveProperty('balance_usd');
  const ledger = (await (await fetch(`${simulatorUrl}/__sim/ledger`)).json()) as { totals: object };
  expect(ledger.totals).toMatchObject({ accepted: 3, charged: 3 });

  expect(await processesNaming(data)).toHaveLength(2);
  dev.kill('SIGINT');
  expect((await dev.ended).code).toBe(0);
  expect(await processesNaming(data)).toEqual([]);
  // Another process may have been given a port that is free again.
  for (const url of [`${simulatorUrl}/__sim/ledger`, `${gateway.api}/generations/by-http`]) {
    const answer = await fetch(url).then(
      (reply) => reply.text(),
      () => '',
    );
    expect(answer).not.toMatch(/by the gateway|"phase"/);
  }
});

it('dev --once that is told to end cancels its clip, and leaves no data behind', async () => {
  const before = await foldersOfStarts();
  const { PATH } = process.env;
  const env = { PATH, HOME: await temporaryFolder(), TEMPORAL_ADDRESS: inject('temporalAddress') };
  const dev = run(process.execPath, ['bin/runcomfy-temporal', 'dev', '--once', '--output', 'pretty'], env);
  await until('the clip is ordered', () => dev.output().includes('workflow'));
  const made = (await foldersOfStarts()).filter((name) => !before.includes(name));
  expect(made).not.toEqual([]);
  dev.kill('SIGTERM');
  const { code, stdout, stderr } = await dev.ended;
  expect(stdout, stderr).toContain('cancel: ');
  expect(code).not.toBeNull();
  expect(made.some((name) => existsSync(path.join('.cache', name)))).toBe(false);
});

it('dev --live on a server of its user works for the same task queue again, so that paid work it left goes on', async () => {
  const folder = await temporaryFolder();
  const temporal = { TEMPORAL_ADDRESS: inject('temporalAddress') };
  // Nothing is ordered: nobody needs to answer.
  const runcomfy = { RUNCOMFY_MODEL_API_BASE: 'http://127.0.0.1:1/v1', RUNCOMFY_API_TOKEN: 'sim-dev' };
  const env = { PATH: process.env['PATH'], HOME: folder, ...temporal, ...runcomfy };
  const command = ['bin/runcomfy-temporal', 'dev', '--live', '--no-clip', '--output', 'json'];
  const args = [...command, '--data', path.join(folder, 'data')];
  const servedQueue = async () => {
    const dev = run(process.execPath, args, env);
    const printed = await until('dev serves', () => /^\{"environment".*\}$/m.exec(dev.output())?.[0]);
    dev.kill('SIGINT');
    await dev.ended;
    return (JSON.parse(printed) as { environment: Record<string, string> }).environment['RUNCOMFY_TASK_QUEUE'];
  };
  const queue = await servedQueue();
  expect(queue).toMatch(/^runcomfy-start-/);
  expect(await servedQueue()).toBe(queue);
});

async function foldersOfStarts(): Promise<string[]> {
  return (await readdir('.cache').catch(() => [])).filter((name) => name.startsWith('start-'));
}

/** The command lines of the processes in which this folder is named: the command itself and its Temporal server. */
async function processesNaming(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(folder));
}

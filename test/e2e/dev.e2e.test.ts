import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { GenerationResult } from '../../domain/generation.ts';
import { run } from '../support/examples/examples.ts';
import { runCommand, temporaryFolder, until } from '../support/processes.ts';
import { flux, kling } from '../support/simulator-client.ts';

const title =
  'dev runs all that a second terminal needs for an image, the clip from it, their files and an order by HTTP, and leaves no process behind';

it(title, { timeout: 300_000 }, async () => {
  const folder = await temporaryFolder();
  const data = path.join(folder, 'data');
  const args = ['bin/runcomfy-temporal', 'dev', '--no-clip', '--data', data, '--output', 'json'];
  const { PATH, TEMPORAL_CLI_PATH } = process.env;
  const dev = run(process.execPath, args, { PATH, TEMPORAL_CLI_PATH, HOME: folder });
  const printed = await until('dev serves', () => /^\{"environment".*\}$/m.exec(dev.output())?.[0]);
  const { environment, simulatorUrl, gateway } = JSON.parse(printed) as {
    environment: Record<string, string>;
    simulatorUrl: string;
    gateway: Record<'url' | 'modelApiBase' | 'serverlessApiBase' | 'api', string>;
  };

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
  for (const url of [simulatorUrl, gateway.url]) await expect(fetch(url)).rejects.toThrow('fetch failed');
});

/** The command lines of the processes in which this folder is named: the command itself and its Temporal server. */
async function processesNaming(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(folder));
}

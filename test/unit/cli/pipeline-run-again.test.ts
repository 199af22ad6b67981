import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import type { CommandContext } from '../../../cli/command-context.ts';
import { addPipelineRun } from '../../../cli/commands/pipeline/run.ts';
import { createPrinter, type OutputFormat } from '../../../cli/printing/printer.ts';
import type { PipelineStartOptions } from '../../../client/index.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { flux } from '../../support/simulator-client.ts';

interface Settings {
  attached: boolean;
  format?: OutputFormat;
  still?: object;
  refusal?: Error;
}

/** Runs `pipeline run`, on pipelines that would attach, order, or refuse; gives what was started. */
async function startedAs({ attached, format = 'pretty', still = {}, refusal }: Settings, ...args: string[]) {
  const file = path.join(await temporaryFolder(), 'film.json');
  const steps = { still: { model: flux, input: { prompt: 'a cat' }, ...still } };
  await writeFile(file, JSON.stringify({ version: 1, steps }));
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const starts: PipelineStartOptions[] = [];
  const pipelines = {
    preview: () =>
      refusal ? Promise.reject(refusal) : Promise.resolve({ attached, ordered: 1, reused: 0, totalUsd: 1 }),
    start: (_: unknown, options: PipelineStartOptions) => {
      starts.push(options);
      return Promise.resolve({ key: 'k', runId: 'r', notices: [] });
    },
  };
  const context = {
    streams,
    printer: createPrinter(streams, format),
    config: () => ({ hasToken: false, modelApiBase: 'https://model-api.runcomfy.net' }),
    withTemporal: (use: (connected: object) => unknown) => use({ generations: { pipelines } }),
  } as unknown as CommandContext;
  const program = new Command();
  addPipelineRun(program, async (_, work) => void (await work(context)));
  await program.parseAsync(['run', file, '--key', 'k', '--no-wait', ...args], { from: 'user' });
  return starts;
}

it('a run again whose price nobody was told, since it would be followed, orders nothing where it ends meanwhile', async () => {
  expect(await startedAs({ attached: true }, '--rerun')).toMatchObject([{ rerun: true, attachOnly: true }]);
  expect(await startedAs({ attached: false }, '--rerun')).toMatchObject([{ rerun: true, attachOnly: false }]);
});

it.each(['json', 'pretty'] as const)(
  'what a key may have paid for is weighed by what is missing, and followed whatever it cost, %s',
  async (format) => {
    const still = { maxPriceUsd: 5 };
    const limit = ['--max-cost', '2'];
    expect(await startedAs({ attached: false, format, still }, '--rerun', ...limit)).toHaveLength(1);
    expect(await startedAs({ attached: true, format, still }, ...limit)).toHaveLength(1);
    expect(await startedAs({ attached: true, format }, ...limit)).toHaveLength(1);
    const refusal = new Error('the orders cost at least 5 USD, and maxCostUsd is 2');
    await expect(startedAs({ attached: false, format, still, refusal }, '--rerun', ...limit)).rejects.toThrow(refusal);
    await expect(startedAs({ attached: false, format, still, refusal }, ...limit)).rejects.toThrow(refusal);
  },
);

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import type { CommandContext } from '../../../cli/command-context.ts';
import { addPipelineRun } from '../../../cli/commands/pipeline/run.ts';
import { createPrinter } from '../../../cli/printing/printer.ts';
import type { PipelineStartOptions } from '../../../client/index.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { flux } from '../../support/simulator-client.ts';

/** Runs `pipeline run` for a person, on pipelines that would attach, or order; gives what was started. */
async function startedAs({ attached }: { attached: boolean }, ...args: string[]) {
  const file = path.join(await temporaryFolder(), 'film.json');
  await writeFile(file, JSON.stringify({ version: 1, steps: { still: { model: flux, input: { prompt: 'a cat' } } } }));
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const starts: PipelineStartOptions[] = [];
  const pipelines = {
    preview: () => Promise.resolve({ attached, ordered: 1, reused: 0, totalUsd: 1 }),
    start: (_: unknown, options: PipelineStartOptions) => {
      starts.push(options);
      return Promise.resolve({ key: 'k', runId: 'r', notices: [] });
    },
  };
  const context = {
    streams,
    printer: createPrinter(streams, 'pretty'),
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

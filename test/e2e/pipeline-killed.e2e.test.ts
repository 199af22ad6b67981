import path from 'node:path';
import { expect, it } from 'vitest';
import type { KnownPipelineState } from '../../client/index.ts';
import type { PipelineResult } from '../../domain/pipeline/pipeline-run.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { root } from '../support/docs.ts';
import { createStack } from '../support/generation-stack.ts';
import { startWorkerProcess, temporaryFolder, until } from '../support/processes.ts';
import { startOwnServer } from '../support/server.ts';
import { untilPolled } from '../support/until-polled.ts';

const film = path.join(root, 'examples/07-film/film.yaml');
const kling = 'kling/kling-3.0/standard/image-to-video';

it('a film whose worker and Temporal server are killed twice in the middle has its outputs, for one bill per order', async () => {
  const dbFile = path.join(await temporaryFolder(), 'temporal.db');
  let server = await startOwnServer({ dbFile });
  const { address } = server;
  const { client, settings, simulator, checkAll } = await createStack({ address });
  let worker = await startWorkerProcess(settings);

  const command = (...args: string[]) =>
    commandInProcess(['pipeline', ...args], {
      TEMPORAL_ADDRESS: address,
      RUNCOMFY_TASK_QUEUE: settings.taskQueue,
      RUNCOMFY_MODEL_API_BASE: settings.modelApiBase,
      RUNCOMFY_API_TOKEN: 'sim-token-of-a-test-process',
    });
  async function pipeline<Document>(...args: string[]): Promise<Document> {
    const { exitCode, stdout, stderr } = await command(...args);
    expect(exitCode, [stdout, stderr, worker.output().slice(-4_000)].join('\n')).toBe(0);
    return JSON.parse(stdout) as Document;
  }
  /** A worker that has just begun may leave the question to the server, whose answer says less. */
  async function status(): Promise<KnownPipelineState> {
    return await until('a worker tells where the film stands', async () => {
      const { exitCode, stdout } = await command('status', 'film');
      return exitCode === 0 && (JSON.parse(stdout) as KnownPipelineState);
    });
  }
  /** An order whose id Temporal does not know yet would be one of unknown outcome. */
  const areAccepted = (count: number) => async () => {
    const { orders = {} } = await status();
    return Object.values(orders).filter(({ requestId }) => requestId !== undefined).length === count;
  };
  /** What RunComfy does meanwhile nobody sees. */
  async function killBoth(): Promise<void> {
    await Promise.all([server.kill9(), worker.kill9()]);
    simulator.release();
    server = await startOwnServer({ dbFile, port: Number(address.split(':')[1]) });
    worker = await startWorkerProcess(settings, { stateDir: worker.stateDir });
    // The server that has just begun knows of no worker: whoever waits would be told so.
    await untilPolled(client, settings.taskQueue);
  }

  try {
    simulator.hold({ stage: 'run' });
    await pipeline('run', film, '--key', 'film', '--param', 'scene=A lighthouse', '--no-wait');
    await until('the stills are being made', areAccepted(4));
    await killBoth();

    const choices = await until('a person is asked', async () => {
      const { steps } = await status();
      return steps[1]?.phase === 'awaiting_decision' && steps[1].approval?.choices;
    });
    simulator.hold({ stage: 'run' });
    await pipeline('approve', 'film', 'pick', '--choose', '2');
    await until('the clip is being made', areAccepted(1));
    await killBoth();

    const { phase, outputs, steps, costUsd } = await pipeline<PipelineResult>('result', 'film');
    expect(phase).toBe('succeeded');
    expect(outputs['chosen']).toBe(choices[2]);
    expect(outputs).toMatchObject({
      clip: steps['clip']?.output?.videos[0],
      score: steps['score']?.output?.audios[0],
    });
    const { totals, jobs } = simulator.ledger();
    expect(jobs.find(({ model }) => model === kling)?.input['start_image_url']).toBe(choices[2]);
    expect(totals).toMatchObject({ accepted: 6, charged: 6 });
    expect(costUsd).toBeCloseTo(totals.chargedUsd);
    const { steps: told } = await status();
    const keys = told.flatMap(({ key, items = [] }) => [key, ...items.map((item) => item.key)]);
    await checkAll(['film', ...keys.filter((key) => key !== undefined)]);
  } finally {
    await server.stop();
  }
});

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { type BatchLine, createGenerationClient } from '../../../client/index.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { say } from '../stack/stack.ts';
import { type Installation, onInstallation } from './installation.ts';
import { peakMegabytesOf, runsOf } from './processes.ts';
import { sample, type Samples } from './sampling.ts';
import { causeTroubles, countTroubles, fillWalletOnceEmpty, type TroublesRow } from './troubles.ts';

/** The figures of a large batch that was killed on its way. */
export interface CampaignRow {
  items: number;
  window: number;
  workerKills: number;
  serverKills: number;
  /** How often the following command ended before the batch, although nobody killed it; and its last exit code. */
  commandRestarts: number;
  exitCode: number | null;
  /** Whether the batch ended in time. */
  isEnded: boolean;
  phase: string;
  jobs: number;
  lines: number;
  /** Lines in the file that the command wrote. */
  linesInFile: number;
  distinctIds: number;
  /** Lines of orders that a killed worker was just sending; nobody knows whether RunComfy has them. */
  unknown: number;
  /** States that were read on the way, and how many of them had counts that did not add up. */
  samples: number;
  wrongSamples: number;
  seconds: number;
  uploadedPerSecond: number;
  /** Seconds from the call of `pause` to the last item started before `resume`. */
  lastStartAfterPauseSeconds: number;
  resultsSeconds: number;
  commandPeakMegabytes: number;
  workerPeakMegabytes: number;
  runs: number;
  eventsPerItem: number;
  largestRunEvents: number;
  largestRunBytes: number;
  /** Set if troubles were caused. */
  troubles?: TroublesRow;
}

interface CampaignOptions {
  items: number;
  window: number;
  isKilled: boolean;
  /** Orders fail, replies are lost, and the wallet is empty for a while. */
  isTroubled: boolean;
  minutes: number;
}

const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
const key = 'campaign';
/** How long a command may go on after the time is over, to write what it has. */
const commandOutlivesMs = 60_000;

/**
 * Runs one batch with the command of an installed package, and pauses it once. With `isKilled`, the worker is killed at
 * a quarter, half and three quarters of the way, and the server at half. Abandoned after `minutes`.
 */
export function runCampaign(options: CampaignOptions): Promise<CampaignRow> {
  return onInstallation(options.items, (on) => campaign(on, options));
}

async function campaign(on: Installation, options: CampaignOptions): Promise<CampaignRow> {
  const { items, window, isKilled, isTroubled, minutes } = options;
  const { folder, file, simulator, client, token, undo } = on;
  const giveUpAt = Date.now() + minutes * 60_000;
  if (isTroubled) causeTroubles(simulator, token, items);
  let worker = await on.startWorker();

  let workerPeak = 0;
  const weighing = setInterval(() => {
    workerPeak = Math.max(workerPeak, peakMegabytesOf(worker.pid));
  }, 500);
  undo(() => {
    clearInterval(weighing);
  });
  const command = (...args: string[]) => {
    const started = on.startCommand(args, folder, giveUpAt + commandOutlivesMs);
    started.stdout.resume();
    return started.ended;
  };

  const from = Date.now();
  const order = ['run', file, '--key', key, '--model', model, '--window', String(window), '--yes'];
  if ((await command(...order, '--no-wait')) !== 0) {
    throw new Error(`the items could not be uploaded: ${on.printed()}`);
  }
  const uploadedPerSecond = items / ((Date.now() - from) / 1_000);
  say(`uploaded ${uploadedPerSecond.toFixed(0)} items/s`);
  const batch = await createGenerationClient({ client, taskQueue: on.taskQueue }).batches.get(key);
  const filling = isTroubled ? fillWalletOnceEmpty(simulator, token, batch, giveUpAt) : undefined;
  filling?.catch(() => undefined);
  const results = path.join(folder, 'results.jsonl');
  let commandRestarts = 0;
  let isGivenUp = false;
  /**
   * Runs the command again, as a person would, if it ends before the batch; it appends the lines that its file lacks.
   */
  const follow = async () => {
    for (;;) {
      const code = await command(...order, '--results', results);
      if (code === 0 || code === 2) return code;
      say(`the command ended with ${String(code)}: ${on.printed().trim().slice(-2_000)}`);
      if (isGivenUp || commandRestarts >= 10) return code;
      commandRestarts += 1;
      // The command also exits when only a person can let the batch go on, as with an empty wallet.
      await filling;
      await sleep(2_000);
    }
  };
  const followed = follow();

  const seen: Samples = { count: 0, wrong: 0 };
  const accepted = () => simulator.ledger().totals.accepted;
  const until = async (count: number) => {
    while (accepted() < count && Date.now() < giveUpAt) {
      await sample(batch, seen);
      await sleep(1_000);
    }
  };
  await until(items / 8);
  const pausedAt = Date.now();
  await batch.pause('a look');
  await sleep(8_000);
  const resumedAt = Date.now();
  await batch.resume();
  let [workerKills, serverKills] = [0, 0];
  for (const part of isKilled ? [0.25, 0.5, 0.75] : []) {
    await until(items * part);
    if (Date.now() > giveUpAt) break;
    await worker.kill9();
    workerKills += 1;
    if (part === 0.5) {
      await on.killServer();
      serverKills += 1;
    }
    worker = await on.startWorker();
    say(`killed at ${String(accepted())} orders`);
  }
  let isEnded = false;
  while (!isEnded && Date.now() < giveUpAt) {
    await sample(batch, seen);
    isEnded = await batch.isEnded().catch(() => false);
    if (!isEnded) await sleep(1_000);
  }
  if (!isEnded) say(`given up: ${JSON.stringify(await batch.state().catch(String))}`);
  const seconds = (Date.now() - from) / 1_000;
  isGivenUp = true;
  const patience = sleep(Math.max(60_000, giveUpAt - Date.now()), undefined, { ref: false });
  const exitCode = isEnded ? ((await Promise.race([followed, patience])) ?? null) : null;
  const { phase } = await batch.state();
  const readFrom = Date.now();
  const lines: BatchLine[] = [];
  for await (const line of batch.results()) lines.push(line);
  const resultsSeconds = (Date.now() - readFrom) / 1_000;
  const ids = new Set(lines.map(({ id }) => id));
  const text = isEnded ? await readFile(results, 'utf8').catch(() => '') : '';
  const written = text.split('\n').filter((line) => line !== '');
  const inFile = new Set(written.map((line) => (JSON.parse(line) as BatchLine).id));
  const runs = await runsOf(client, key);
  const lastStartedAt = await lastStartOf(client, pausedAt, resumedAt);
  const pausedByWallet = await filling;
  const troubles = isTroubled && {
    troubles: { ...(pausedByWallet && { pausedByWallet }), ...(await countTroubles(on, key, lines)) },
  };
  return {
    items,
    window,
    workerKills,
    serverKills,
    commandRestarts,
    exitCode,
    isEnded,
    phase,
    jobs: accepted(),
    lines: lines.length,
    linesInFile: written.length,
    distinctIds: isEnded ? Math.min(ids.size, inFile.size) : ids.size,
    unknown: lines.filter(({ status }) => status === 'submission_unknown').length,
    samples: seen.count,
    wrongSamples: seen.wrong,
    seconds,
    uploadedPerSecond,
    lastStartAfterPauseSeconds: (lastStartedAt - pausedAt) / 1_000,
    resultsSeconds,
    commandPeakMegabytes: on.commandPeakMegabytes(),
    workerPeakMegabytes: workerPeak,
    runs: runs.length,
    eventsPerItem: runs.reduce((sum, { events }) => sum + events, 0) / items,
    largestRunEvents: Math.max(...runs.map(({ events }) => events)),
    largestRunBytes: Math.max(...runs.map(({ bytes }) => bytes)),
    ...troubles,
  };
}

/** When the last item in this period was started; the start of the period if none was. */
async function lastStartOf(client: Client, from: number, until: number): Promise<number> {
  const [begin, end] = [from, until].map((at) => new Date(at).toISOString());
  const query = `WorkflowType = '${generationWorkflowType}' AND StartTime >= '${String(begin)}' AND StartTime < '${String(end)}'`;
  let last = from;
  for await (const { startTime } of client.workflow.list({ query })) last = Math.max(last, startTime.getTime());
  return last;
}

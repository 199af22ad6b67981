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

/** What a large batch has shown that was killed on its way. */
export interface CampaignRow {
  items: number;
  window: number;
  workerKills: number;
  serverKills: number;
  /** How often the command that follows ended before the batch, which nobody killed, and what it ended with at last. */
  commandRestarts: number;
  exitCode: number | null;
  /** It ended before its time was over. */
  isEnded: boolean;
  phase: string;
  jobs: number;
  lines: number;
  /** In the file that the command wrote. */
  linesInFile: number;
  distinctIds: number;
  /** Lines of orders that a killed worker was just sending: whether RunComfy has them nobody knows. */
  unknown: number;
  /** States that were read on the way, and those whose counts did not add up. */
  samples: number;
  wrongSamples: number;
  seconds: number;
  uploadedPerSecond: number;
  /** From the call of `pause` to the last item that was started before `resume`, seconds. */
  lastStartAfterPauseSeconds: number;
  resultsSeconds: number;
  commandPeakMegabytes: number;
  workerPeakMegabytes: number;
  runs: number;
  eventsPerItem: number;
  largestRunEvents: number;
  largestRunBytes: number;
  /** Where there were to be any. */
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
/** A command has so long to write what there is once the time is over. */
const commandOutlivesMs = 60_000;

/**
 * One batch by the command as an installed package has it, whose worker is killed at a quarter, a half and three quarters of
 * the way, its server once between, and which is paused once. Given up after so many minutes.
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
  /** As a person would: a command that ends before the batch is run again, and appends what its file has not. */
  const follow = async () => {
    for (;;) {
      const code = await command(...order, '--results', results);
      if (code === 0 || code === 2) return code;
      say(`the command ended with ${String(code)}: ${on.printed().trim().slice(-2_000)}`);
      if (isGivenUp || commandRestarts >= 10) return code;
      commandRestarts += 1;
      // It leaves where only a person can have the batch go on.
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

/** When the last item of such a time was started; its begin where none was. */
async function lastStartOf(client: Client, from: number, until: number): Promise<number> {
  const [begin, end] = [from, until].map((at) => new Date(at).toISOString());
  const query = `WorkflowType = '${generationWorkflowType}' AND StartTime >= '${String(begin)}' AND StartTime < '${String(end)}'`;
  let last = from;
  for await (const { startTime } of client.workflow.list({ query })) last = Math.max(last, startTime.getTime());
  return last;
}

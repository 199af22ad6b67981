import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchHandle, type BatchLine, createGenerationClient } from '../../../client/index.ts';
import { say } from '../stack/stack.ts';
import { type CommandProcess, type Installation, onInstallation } from './installation.ts';
import { sample, type Samples } from './sampling.ts';

/** The figures of a batch whose upload was killed twice and which was cancelled early. */
export interface UploadRow {
  items: number;
  uploadKills: number;
  /** For the whole file, over the time during which the commands ran. */
  uploadedPerSecond: number;
  /** Items sent by the last command; it must not send again what the earlier ones have sent. */
  sentByLast: number;
  cancelledAtDone: number;
  cancelSeconds: number;
  phase: string;
  exitCode: number | null;
  jobs: number;
  lines: number;
  distinctIds: number;
  /** Lines that say that the item was ordered. */
  ordered: number;
  neverStarted: number;
  samples: number;
  wrongSamples: number;
  /** Seconds from the start of the command to its 10,000th line. */
  first10000LinesSeconds: number;
  resultsSeconds: number;
  commandPeakMegabytes: number;
}

const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
const key = 'upload';
const windowSize = 20;

/**
 * Runs one batch with the command: its upload is killed at one and two thirds and finished from another folder; then it
 * is paused, changed and cancelled.
 */
export function runUpload(options: { items: number; cancelAtDone: number; minutes: number }): Promise<UploadRow> {
  return onInstallation(options.items, (on) => upload(on, options));
}

async function upload(
  on: Installation,
  { items, cancelAtDone, minutes }: { items: number; cancelAtDone: number; minutes: number },
): Promise<UploadRow> {
  const giveUpAt = Date.now() + minutes * 60_000;
  await on.startWorker();
  const { batches } = createGenerationClient({ client: on.client, taskQueue: on.taskQueue });
  const elsewhere = path.join(on.folder, 'elsewhere');
  await mkdir(elsewhere);
  await copyFile(on.file, path.join(elsewhere, 'the same.jsonl'));
  const run = (file: string) => ['run', file, '--key', key, '--model', model, '--window', String(windowSize), '--yes'];
  const seen: Samples = { count: 0, wrong: 0 };

  let uploading = 0;
  let uploadKills = 0;
  let sentBefore = 0;
  for (const part of [1 / 3, 2 / 3]) {
    const from = Date.now();
    const first = on.startCommand([...run(path.basename(on.file)), '--no-wait'], on.folder, giveUpAt);
    await untilCount(() => countOf(batches.get(key)), items * part, first, giveUpAt);
    first.kill();
    await first.ended;
    uploadKills += 1;
    uploading += Date.now() - from;
    sentBefore = await countOf(batches.get(key));
    say(`killed the upload at ${String(sentBefore)} items`);
  }
  const from = Date.now();
  const last = on.startCommand([...run('the same.jsonl'), '--no-wait'], elsewhere, giveUpAt);
  last.stdout.resume();
  if ((await last.ended) !== 0) throw new Error(`the upload did not end: ${on.printed()}`);
  uploading += Date.now() - from;
  const batch = await batches.get(key);
  const sentByLast = (await batch.state()).counts.total - sentBefore;
  say(`uploaded ${(items / (uploading / 1_000)).toFixed(0)} items/s`);

  await batch.pause('a look');
  await sample(batch, seen);
  await batch.set({ window: windowSize * 5 });
  await batch.resume();
  let done = 0;
  while (done < cancelAtDone && Date.now() < giveUpAt) {
    done = (await sample(batch, seen)) ?? done;
    if (done < cancelAtDone) await sleep(1_000);
  }
  const cancelledFrom = Date.now();
  const cancelling = on.startCommand(['cancel', key], elsewhere, giveUpAt);
  cancelling.stdout.resume();
  const exitCode = await cancelling.ended;
  while (!(await batch.isEnded()) && Date.now() < giveUpAt) {
    await sample(batch, seen);
    await sleep(1_000);
  }
  const cancelSeconds = (Date.now() - cancelledFrom) / 1_000;
  const { phase } = await batch.state();

  const readFrom = Date.now();
  const reading = on.startCommand(['results', key], elsewhere, giveUpAt);
  const ids = new Set<string>();
  let [lines, ordered, neverStarted, first10000LinesSeconds] = [0, 0, 0, 0];
  for await (const text of createInterface({ input: reading.stdout })) {
    const line = JSON.parse(text) as BatchLine;
    ids.add(line.id);
    lines += 1;
    if (line.requestId !== undefined) ordered += 1;
    if (line.status === 'not_started') neverStarted += 1;
    if (lines === Math.min(items, 10_000)) first10000LinesSeconds = (Date.now() - readFrom) / 1_000;
  }
  return {
    items,
    uploadKills,
    uploadedPerSecond: items / (uploading / 1_000),
    sentByLast,
    cancelledAtDone: done,
    cancelSeconds,
    phase,
    exitCode,
    jobs: on.simulator.ledger().totals.accepted,
    lines,
    distinctIds: ids.size,
    ordered,
    neverStarted,
    samples: seen.count,
    wrongSamples: seen.wrong,
    first10000LinesSeconds,
    resultsSeconds: (Date.now() - readFrom) / 1_000,
    commandPeakMegabytes: on.commandPeakMegabytes(),
  };
}

/** The number of items that the batch has; 0 if it has not started. */
async function countOf(batch: Promise<BatchHandle>): Promise<number> {
  return await batch
    .then((handle) => handle.state())
    .then(
      ({ counts }) => counts.total,
      () => 0,
    );
}

async function untilCount(count: () => Promise<number>, wanted: number, child: CommandProcess, giveUpAt: number) {
  while ((await count()) < wanted) {
    if (child.hasEnded()) throw new Error('an upload ended before it was killed');
    if (Date.now() > giveUpAt) throw new Error('the upload took too long');
    await sleep(100);
  }
}

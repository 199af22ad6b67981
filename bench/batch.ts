// npm run bench:batch                                   500 items in each of four ways, window 100
// npm run bench:batch -- --items 1000 --window 200
// npm run bench:batch -- --campaign 10000 --kills       a large batch; kills its worker three times, its server once
// npm run bench:batch -- --campaign 10000 --troubles    5 % fail, 1 % are unknown, and the wallet becomes empty
// npm run bench:batch -- --upload 100000                kills the upload twice, and cancels the batch at 1,000 done
import { parseArgs } from 'node:util';
import { type CampaignRow, runCampaign } from './support/batch/campaign.ts';
import { compareDesigns } from './support/batch/compare.ts';
import type { TroublesRow } from './support/batch/troubles.ts';
import { runUpload, type UploadRow } from './support/batch/upload.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { say, startStack } from './support/stack/stack.ts';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '500' },
    window: { type: 'string' },
    campaign: { type: 'string' },
    upload: { type: 'string' },
    kills: { type: 'boolean', default: false },
    troubles: { type: 'boolean', default: false },
    /** A campaign that takes longer is abandoned. */
    minutes: { type: 'string', default: '30' },
  },
});

/** A campaign with fewer items is only a check; its figures are not saved. */
const fullItems = 10_000;
const fullUpload = 100_000;

quietTemporal();
const about = () => ({ commit: describeCommit(), machine: describeMachine(), measuredAt: new Date().toISOString() });
if (options.upload !== undefined) await upload(Number(options.upload));
else if (options.campaign === undefined) await compare();
else await campaign(Number(options.campaign));
process.exit();

async function compare(): Promise<void> {
  const stack = await startStack();
  try {
    const rows = await compareDesigns(stack, Number(options.items), Number(options.window ?? '100'));
    const [plain, batch, awaited, signalling] = rows.map(({ itemsPerSecond }) => itemsPerSecond);
    const ratio = (other: number | undefined) => (batch ?? 0) / (other ?? NaN);
    const ratios = { plain: ratio(plain), awaited: ratio(awaited), signalling: ratio(signalling) };
    const head = ['subject', 'items/s', 'events/item', 'largest run', 'server CPU', 'worker CPU', 'worker peak'];
    const lines = rows.map((row) => [
      row.subject,
      row.itemsPerSecond.toFixed(1),
      row.eventsPerItem.toFixed(2),
      `${String(row.largestRunEvents)} events, ${String(row.largestRunBytes)} bytes`,
      `${row.serverCpuMsPerItem.toFixed(1)} ms`,
      `${row.workerCpuMsPerItem.toFixed(1)} ms`,
      `${String(row.workerPeakMegabytes)} MB`,
    ]);
    say(formatTable(head, lines));
    say(
      `batch to: ${Object.entries(ratios)
        .map(([name, value]) => `${name} ${value.toFixed(2)}`)
        .join(', ')}`,
    );
    const versions = versionsOf({ temporal: stack.serverVersion });
    writeResults('batch', { name: 'batch', ...about(), versions, rows, ratios });
    say('written to bench/results/batch.json');
  } finally {
    await stack.close();
  }
}

async function campaign(items: number): Promise<void> {
  const { kills: isKilled, troubles: isTroubled, minutes } = options;
  const window = Number(options.window ?? '200');
  const row = await runCampaign({ items, window, isKilled, isTroubled, minutes: Number(minutes) });
  say(JSON.stringify(row, undefined, 2));
  if (items >= fullItems) {
    const name = isTroubled ? 'batch-troubles' : 'batch-campaign';
    writeResults(name, { name, ...about(), versions: versionsOf(), rows: [row] });
    say(`written to bench/results/${name}.json`);
  }
  const missed = [...missedBy(row), ...(row.troubles ? missedInTroubles(row, row.troubles) : [])];
  for (const name of missed) say(`does not hold: ${name}`);
  if (missed.length > 0) process.exitCode = 1;
}

/** The expectations that a campaign did not meet. */
function missedBy(row: CampaignRow): string[] {
  const { items, jobs, lines, linesInFile, distinctIds, exitCode, unknown, seconds, troubles } = row;
  const isLively = items / seconds >= 5;
  const holds: Record<string, boolean> = {
    'it ended in its time': row.isEnded,
    'an order for each item, but for those of which nobody knows': jobs <= items && jobs >= items - unknown,
    'one line for each item, in the file too': lines === items && linesInFile === items && distinctIds === items,
    'exit code 2 where somebody has to decide, else 0': exitCode === (unknown > 0 || troubles ? 2 : 0),
    'a command that ends with the batch and not before, but for an empty wallet':
      row.commandRestarts === (troubles ? 1 : 0),
    'no item started later than 3 s after a pause': row.lastStartAfterPauseSeconds <= 3,
    'counts that add up in every state that was read': row.samples > 0 && row.wrongSamples === 0,
    'results within 30 s': row.resultsSeconds <= 30,
    'a command of at most 200 MB, a worker of at most 600 MB':
      row.commandPeakMegabytes <= 200 && row.workerPeakMegabytes <= 600,
    'runs below 4,096 events and 4 MiB': row.largestRunEvents < 4_096 && row.largestRunBytes < 4 * 1024 * 1024,
    'at most 0.2 events an item at 5 items a second and more': !isLively || row.eventsPerItem <= 0.2,
  };
  return Object.keys(holds).filter((name) => holds[name] === false);
}

/** The expectations about failures, lost replies and an empty wallet that a campaign did not meet. */
function missedInTroubles({ items, unknown }: CampaignRow, troubles: TroublesRow): string[] {
  const { pausedByWallet, failedJobs, failedLines, givenBack } = troubles;
  const { total, waiting, failed, inFlight } = pausedByWallet ?? { total: 0, waiting: 0, failed: 0, inFlight: 0 };
  const holds: Record<string, boolean> = {
    'paused by the empty wallet, with all in their places': total === items && waiting > 0 && inFlight === 0,
    'no item that fails by the wallet': troubles.linesOfWallet === 0 && failed <= failedJobs,
    'a failed line for each order that failed, but for those of which nobody knows':
      failedLines > 0 && failedLines <= failedJobs && failedLines >= failedJobs - unknown,
    'some of which nobody knows': unknown > 0,
    'what was given back is ordered once, as everything else':
      givenBack > 0 && troubles.givenBackAndLost === 0 && troubles.orderedTwice === 0,
  };
  return Object.keys(holds).filter((name) => holds[name] === false);
}

async function upload(items: number): Promise<void> {
  const cancelAtDone = Math.min(1_000, Math.ceil(items / 10));
  const row = await runUpload({ items, cancelAtDone, minutes: Number(options.minutes) });
  say(JSON.stringify(row, undefined, 2));
  if (items >= fullUpload) {
    writeResults('batch-upload', { name: 'batch-upload', ...about(), versions: versionsOf(), rows: [row] });
    say('written to bench/results/batch-upload.json');
  }
  const missed = missedByUpload(row);
  for (const name of missed) say(`does not hold: ${name}`);
  if (missed.length > 0) process.exitCode = 1;
}

/** The expectations that an upload did not meet. */
function missedByUpload(row: UploadRow): string[] {
  const { items, lines, distinctIds, jobs, ordered, neverStarted } = row;
  const holds: Record<string, boolean> = {
    'one line for each item': lines === items && distinctIds === items,
    'an order for each line that tells of one, and no more': jobs === ordered && ordered + neverStarted <= items,
    'what was sent is not sent again': row.sentByLast <= items / 3,
    'it ended as cancelled': row.phase === 'cancelled' && row.exitCode === 0,
    'upload of at least 500 items a second': items < fullUpload || row.uploadedPerSecond >= 500,
    'counts that add up in every state that was read': row.samples > 0 && row.wrongSamples === 0,
    '10,000 lines within 30 s': row.first10000LinesSeconds <= 30,
    'a command of at most 200 MB': row.commandPeakMegabytes <= 200,
  };
  return Object.keys(holds).filter((name) => holds[name] === false);
}

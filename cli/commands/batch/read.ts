import { Option } from 'commander';
import type { BatchPhase, LineStatus, ListedBatch } from '../../../client/index.ts';
import { batchPhases, lineStatuses } from '../../../domain/batch/batch.ts';
import { defineCommand } from '../../define-command.ts';
import { addDownloadOptions, type DownloadFlags, prepareDownload, trySaveFiles } from '../../download/deliver.ts';
import { urlsIn } from '../../download/urls-in.ts';
import { exitCodes } from '../../exit-codes.ts';
import { parseCount } from '../../options/option-parsers.ts';
import { addScopeOptions, type ScopeFlags, scopeOf } from '../../options/scope-options.ts';
import { ageOf, labelText, table, usd } from '../../printing/pretty.ts';
import { oneLine } from '../../printing/printable.ts';
import { endedOf } from './pretty-batch.ts';
import { printLines } from './results-file.ts';
import { wholeItem } from './whole-item.ts';

interface ResultsFlags extends DownloadFlags {
  follow?: boolean;
  status?: LineStatus;
}

const statusOption = () => new Option('--status <status>', 'only of this status').choices(lineStatuses);

/** `batch results KEY`: one JSON line for each item that has ended. */
export const addBatchResults = defineCommand<ResultsFlags>({
  signature: 'results <key>',
  summary: 'Print one JSON line for each item of a batch that has ended, in the order of ending.',
  examples: [
    'runcomfy-temporal batch results clips-1 > clips-1.jsonl',
    'runcomfy-temporal batch results clips-1 --follow --status succeeded --download ./out',
  ],
  set: (command) => {
    command.option('--follow', 'wait for the lines that are still to come').addOption(statusOption());
    addDownloadOptions(command);
  },
  act: async (context, [key = ''], flags) => {
    const { printer, withTemporal, outputGone, commandLine } = context;
    await prepareDownload(flags);
    const { follow, status } = flags;
    return await withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      context.followed = { key, command: commandLine };
      let failed: Error | undefined;
      for await (const line of untilGone(batch.results({ follow, status, signal: outputGone }), outputGone)) {
        printer.printLine(line, () => JSON.stringify(line));
        const output = line.output ?? (line.outputs && { images: urlsIn(line.outputs), videos: [], audios: [] });
        const failure = output && (await trySaveFiles(context, output, flags));
        if (!failure) continue;
        // Goes on, so that one file that is gone for good does not hide the lines after its own in every run of this
        // command.
        printer.note(`item ${line.id}: ${oneLine(failure.message)}`);
        failed ??= failure;
      }
      if (failed) throw failed;
      return exitCodes.done;
    });
  },
});

/** Ends the lines once standard output is gone. */
async function* untilGone<Line>(lines: AsyncIterable<Line>, outputGone: AbortSignal) {
  try {
    yield* lines;
  } catch (error) {
    if (!outputGone.aborted) throw error;
  }
}

/** `batch items KEY`: the items of a batch, ready to be ordered in another one. */
export const addBatchItems = defineCommand<{ status?: LineStatus }>({
  signature: 'items <key>',
  summary:
    'Print the items of a batch as JSON lines, ready for `batch run -`: that is how those that failed are ordered again.',
  examples: [
    'runcomfy-temporal batch items clips-1 --status failed | runcomfy-temporal batch run - --key clips-2 --yes',
  ],
  set: (command) => command.addOption(statusOption()),
  act: (context, [key = ''], { status }) =>
    context.withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      const plan = await batch.plan();
      const defaults = await batch.defaults();
      const whole = async function* () {
        for await (const item of batch.items({ status })) yield wholeItem(item, defaults, plan);
      };
      await printLines(whole(), context);
      return exitCodes.done;
    }),
});

interface ListFlags extends ScopeFlags {
  phase?: BatchPhase;
  limit: number;
}

/** `batch list`: the batches in Temporal. */
export const addBatchList = defineCommand<ListFlags>({
  signature: 'list',
  summary: 'List batches: first those that run, then those that ended, the newest first. Needs no worker.',
  examples: ['runcomfy-temporal batch list --phase paused', 'runcomfy-temporal batch list --limit 20 --output json'],
  set: (command) => {
    command
      .addOption(new Option('--phase <phase>', 'only in this phase').choices(batchPhases))
      .addOption(new Option('--limit <count>', 'at most so many').argParser(parseCount).default(100));
    addScopeOptions(command);
  },
  act: ({ printer, withTemporal }, _args, { phase, limit, ...flags }) => {
    const scope = scopeOf(flags);
    return withTemporal(async ({ generations }) => {
      const found: ListedBatch[] = [];
      for await (const batch of generations.batches.list({ phase, limit, ...scope })) found.push(batch);
      printer.print({ batches: found }, () =>
        found.length === 0
          ? 'no batches'
          : table(['KEY', 'PHASE', 'AGE', 'DONE', 'COST', 'STARTED', 'LABELS'], found.map(rowOf)),
      );
      return exitCodes.done;
    });
  },
});

function rowOf({ key, phase, counts, costUsd, startedAt, labels }: ListedBatch): string[] {
  const done = counts === undefined ? '' : `${String(endedOf(counts))}/${String(counts.total)}`;
  return [key, phase, ageOf(startedAt), done, usd(costUsd), startedAt, labelText(labels)];
}

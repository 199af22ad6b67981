import type { BatchHandle, BatchRequest, BatchResult, StartLabels } from '../../../client/index.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { confirm } from '../../confirm.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { catchInterrupts } from '../../interrupts.ts';
import { labelsOf } from '../../options/label-option.ts';
import { priorityOf } from '../../options/priority-options.ts';
import { ownCommand } from '../../own-command.ts';
import { type CheckedItems, readSetting, withItems } from './item-file.ts';
import { prettyBatch } from './pretty-batch.ts';
import { appendResults, openResultsFile, printLines, type ResultsFile } from './results-file.ts';
import { addBatchRunOptions, type BatchOrderFlags, toBatchRequest } from './run-order.ts';
import { batchDetached, batchUnsealed, batchUnsent, exitCodeOfBatch, waitForBatch } from './wait.ts';

interface RunFlags extends BatchOrderFlags {
  key: string;
  results?: string;
  keepOpen?: boolean;
  wait: boolean;
  yes?: boolean;
}

/** `batch run FILE --key K`: checks a file completely, sends its items, and waits for the end. */
export const addBatchRun = defineCommand<RunFlags>({
  signature: 'run <file>',
  summary:
    'Order every item of a file (JSON lines or CSV, - for standard input). The same --key with the same file goes on where it was, from any machine; no item is ordered twice.',
  examples: [
    `runcomfy-temporal batch run stills.jsonl --key stills-1 --model blackforestlabs/flux-2/flash/text-to-image --max-cost 20`,
    'runcomfy-temporal batch run clips.csv --key clips-1 --window 50 --yes --results clips-1.jsonl',
    'runcomfy-temporal batch run products.csv --plan product.yaml --key products-1 --max-cost 500',
    'runcomfy-temporal batch items clips-1 --status failed | runcomfy-temporal batch run - --key clips-2 --yes',
  ],
  set: addBatchRunOptions,
  act: async (context, [file = ''], flags) => {
    const { printer, streams } = context;
    if (!flags.wait && flags.results !== undefined) {
      throw new CliError('Usage', '--no-wait and --results do not go together: `batch results KEY` reads them later');
    }
    const labels = labelsOf(flags);
    return await withItems(
      context,
      file,
      { ...(await readSetting(context, file, flags)), needsPrices: flags.budget !== undefined },
      async ({ warnings, estimate, identity, ...checked }) => {
        for (const warning of warnings) printer.note(`warning: ${warning}`);
        const { totalUsd, atLeastUsd } = estimate;
        const price = totalUsd === null ? `at least $${String(atLeastUsd)}, not all is known` : `$${String(totalUsd)}`;
        printer.note(`${String(checked.count)} items, expected price: ${price}`);
        if (!flags.yes && flags.maxCost === undefined) {
          const isPerson = streams.stdin.isTTY === true && streams.stderr.isTTY === true;
          if (!isPerson) throw new CliError('Usage', 'nothing was sent: give --max-cost USD, or --yes');
          if (!(await confirm(streams, 'order them?'))) throw new CliError('Usage', 'nothing was sent: not confirmed');
        }
        const { results, key } = flags;
        const isFile = results !== undefined && results !== '-';
        const file = isFile ? await openResultsFile(results, key, identity) : undefined;
        // A stream cannot be read again, so repeating the command line alone would not do.
        const again = identity ? `\`${context.commandLine}\`` : 'the same command with the same items';
        try {
          return await orderItems(context, checked, { ...flags, ...labels, file, again });
        } finally {
          await file?.close();
        }
      },
    );
  },
});

async function orderItems(
  context: CommandContext,
  { defaults, plan, items }: Pick<CheckedItems, 'defaults' | 'plan' | 'items'>,
  flags: RunFlags & StartLabels & { file: ResultsFile | undefined; again: string },
) {
  const { printer } = context;
  const { key, again } = flags;
  const request: BatchRequest = { keepOpen: true, ...toBatchRequest({ plan, defaults }, flags) };
  return await context.withTemporal(async (connected) => {
    const interrupts = catchInterrupts();
    const stop = new AbortController();
    let isSent = false;
    const leave = () => {
      stop.abort(isSent ? batchUnsealed(key) : batchUnsent(key, again));
    };
    interrupts.answer({ onFirst: leave, onDetach: leave });
    try {
      context.followed = { key, command: ownCommand('batch watch', key) };
      stop.signal.throwIfAborted();
      const left = rejectOnce(stop.signal);
      const start = () =>
        connected.generations.batches.start(request, { key, ...priorityOf(flags), labels: flags.labels });
      const batch = await Promise.race([left, connected.client.withAbortSignal(stop.signal, start)]);
      for (const notice of batch.notices) printer.note(`note: ${notice}`);
      const onAdded = (count: number) => {
        printer.progress(`sent ${String(count)} items`, String(Math.floor(count / 10_000)));
      };
      const { count, added } = await batch.addAll(items, { onAdded, signal: stop.signal });
      isSent = true;
      printer.endProgress();
      if (printer.format === 'pretty')
        printer.note(`batch ${key}: ${String(count)} items, ${String(added)} of them sent now`);
      const { signal } = stop;
      if (!flags.keepOpen && signal.aborted) throw batchUnsealed(key);
      if (!flags.keepOpen && !(await batch.state({ signal })).sealed) await batch.seal({ signal });
      if (!flags.wait) {
        const { runId } = batch;
        printer.print({ key, runId, count }, () => `started ${key}: \`${ownCommand('batch watch', key)}\` shows it`);
        return exitCodes.done;
      }
      if (stop.signal.aborted) throw batchDetached(key);
      const result = await waitAndWrite(batch, flags, context, (unwritten) =>
        waitForBatch(connected, batch, context, { interrupts, signal: unwritten }),
      );
      return exitCodeOfBatch(result);
    } finally {
      interrupts.stop();
    }
  });
}

/** Rejects with the signal's reason once it is aborted, so that leaving does not wait for calls that hang. */
function rejectOnce(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

/** Waits and writes result lines in the meantime. Lines on standard output are not mixed with anything else. */
async function waitAndWrite(
  batch: BatchHandle,
  { results, file, again }: Pick<RunFlags, 'results'> & { file: ResultsFile | undefined; again: string },
  context: CommandContext,
  wait: (unwritten: AbortSignal) => Promise<BatchResult>,
): Promise<BatchResult> {
  const { printer, outputGone } = context;
  const stop = new AbortController();
  const unwritten = new AbortController();
  const lines = () => batch.results({ follow: true, signal: stop.signal });
  const write = async () => {
    if (file) await appendResults(file, lines(), again);
    else if (results === '-') await printLines(lines(), context);
  };
  // Stops at once if the lines can no longer be written, rather than at the end of the batch.
  if (results === '-') {
    const leave = () => {
      unwritten.abort(batchDetached(batch.key));
    };
    if (outputGone.aborted) leave();
    outputGone.addEventListener('abort', leave);
  }
  const writing = write();
  writing.catch((error: unknown) => {
    unwritten.abort(error);
  });
  try {
    const result = await wait(unwritten.signal);
    await writing;
    const state = { ...(await batch.state()), phase: result.phase };
    if (results === '-') printer.note(prettyBatch(state, batch.key));
    else printer.print(result, () => prettyBatch(state, batch.key));
    return result;
  } finally {
    stop.abort();
    await writing.catch(() => undefined);
  }
}

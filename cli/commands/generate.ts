import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { checkRequest, type StartOptions } from '../../client/index.ts';
import { findUnattendedQueues } from '../../client/operator/index.ts';
import {
  cancelWhileRunningPolicies,
  type CancelWhileRunningPolicy,
  type GenerationRequest,
  unknownSubmissionPolicies,
  type UnknownSubmissionPolicy,
  type WaitingPreset,
  waitingPresets,
  wallPolicies,
  type WallPolicy,
} from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { estimateModel } from '../../plans/estimate.ts';
import { addBudgetOption } from '../budget-option.ts';
import { catalogueOf } from '../catalogue.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { defineCommand } from '../define-command.ts';
import {
  addDownloadOptions,
  addInputOptions,
  deliver,
  type DownloadFlags,
  prepareDownload,
  resultCommand,
} from '../deliver.ts';
import { costOf } from '../estimate-table.ts';
import { exitCodes } from '../exit-codes.ts';
import { catchInterrupts } from '../interrupts.ts';
import { addLabelOption, type LabelFlags, labelsOf } from '../label-option.ts';
import { parsePositive, parseStretch } from '../option-parsers.ts';
import { ownCommand } from '../own-command.ts';
import { addPriorityOptions, type PriorityFlags, priorityOf } from '../priority-options.ts';
import { type InputSource, readInput } from '../read-input.ts';
import { waitForEnd } from '../wait-for-end.ts';
import { addWebhookOptions, type WebhookFlags, webhookOf } from '../webhook-options.ts';

const priceWithinMs = 3_000;

interface GenerateOptions extends InputSource, DownloadFlags, PriorityFlags, LabelFlags, WebhookFlags {
  key?: string;
  deadline?: number;
  requestId?: string;
  onUnknown?: UnknownSubmissionPolicy;
  onCancel?: CancelWhileRunningPolicy;
  onWall?: WallPolicy;
  budget?: string[];
  maxPrice?: number;
  preset?: WaitingPreset;
  secondsPerRead?: number;
  wait: boolean;
  retry?: boolean;
}

/** `generate MODEL`: starts a generation, or attaches to the one of the same key, and waits for its result. */
export const addGenerate = defineCommand<GenerateOptions>({
  signature: 'generate <model>',
  summary:
    'Start a generation and wait for its result. The same --key attaches to the same generation and never bills twice.',
  examples: [
    `runcomfy-temporal generate blackforestlabs/flux-2/flash/text-to-image --input '{"prompt":"a lighthouse"}' --download .`,
    'runcomfy-temporal generate kling/kling-3.0/standard/image-to-video --input-file clip.json --key order-4711 --deadline 30m',
    `jq '.clip' job.json | runcomfy-temporal generate kling/kling-3.0/standard/image-to-video --input-file - --output json`,
    'runcomfy-temporal generate MODEL --request-id 7f9c… --key taken-over   # an existing RunComfy request, submits nothing',
  ],
  set: (command) => {
    addInputOptions(command);
    addPolicyOptions(command);
    command.option('--no-wait', 'print { key, runId } as soon as it is started');
    addDownloadOptions(command);
  },
  act: async (context, [model = ''], options) => {
    const { printer, streams } = context;
    const input = await readInput(options, streams.stdin, printer.note);
    if (input === undefined && options.requestId === undefined) {
      throw new CliError(
        'Usage',
        'the input is missing: give --input JSON or --input-file FILE (- for standard input), or --request-id ID',
      );
    }
    if (!options.wait && options.download !== undefined) {
      throw new CliError('Usage', '--no-wait and --download do not go together: the files come with the result');
    }
    const labels = labelsOf(options);
    const { key = `generation-${randomUUID()}` } = options;
    const request = toRequest(model, input ?? {}, options);
    checkRequest(request, key, { modelApiBase: context.config().modelApiBase });
    await prepareDownload(options);
    const again = options.retry ? ({ retry: 'if-unbilled' } as const) : {};
    const startOptions: StartOptions = { key, ...priorityOf(options), ...labels, ...again };
    if (printer.format === 'pretty' && options.requestId === undefined) await tellPrice(context, request);
    return context.withTemporal(async (connected) => {
      const start = async () => {
        const command = resultCommand(key, options);
        context.followed = { key, command };
        // Said before it is ordered: whatever becomes of this process, the order can be found again.
        if (options.key === undefined) printer.note(`key ${key}: \`${command}\` finds this order again`);
        const handle = await connected.generations.start(request, startOptions);
        for (const notice of handle.notices) printer.note(`note: ${notice}`);
        return handle;
      };
      if (options.wait) {
        const interrupts = catchInterrupts();
        try {
          const handle = await start();
          if (printer.format === 'pretty')
            printer.note(`${handle.attached ? 'attached to' : 'started'} generation ${key}`);
          return await deliver(context, handle, await waitForEnd(connected, handle, context, interrupts), options);
        } finally {
          interrupts.stop();
        }
      }
      const { runId } = await start();
      const [queue] = await findUnattendedQueues(connected.client, key);
      if (queue !== undefined) printer.note(`note: no worker polls task queue "${queue}" now; it starts once one does`);
      printer.print({ key, runId }, () => `started ${key}: \`${ownCommand('result', key)}\` waits for it`);
      return exitCodes.done;
    });
  },
});

/** One line before a person pays; a catalogue that gives no answer in time keeps nobody waiting. */
async function tellPrice({ config, printer }: CommandContext, { model, input }: GenerationRequest): Promise<void> {
  const line = await Promise.race([
    catalogueOf(config, ({ lookup }) => estimateModel(model, input, lookup)).catch(() => undefined),
    sleep(priceWithinMs, undefined, { ref: false }),
  ]);
  printer.note(`expected price: ${line === undefined ? 'unknown: the catalogue gives no answer' : costOf(line)}`);
}

function addPolicyOptions(command: Command): void {
  command
    .option('--key <key>', 'name of this order, and the Workflow ID; default generation-<uuid>')
    .addOption(
      new Option('--deadline <time>', 'give up after this time, e.g. 30m; default 24h').argParser(parseStretch),
    )
    .option('--request-id <id>', 'take over an existing RunComfy request instead of submitting')
    .addOption(
      new Option(
        '--on-unknown <policy>',
        'when it is unknown whether the order was accepted (resubmit: possibly a second bill); default hold',
      ).choices(unknownSubmissionPolicies),
    )
    .addOption(
      new Option('--on-cancel <policy>', 'when RunComfy can no longer stop the work; default wait').choices(
        cancelWhileRunningPolicies,
      ),
    )
    .addOption(
      new Option(
        '--on-wall <policy>',
        'when the wallet or a budget is empty, or the token refused: end, or wait for it to be mended; default fail',
      ).choices(wallPolicies),
    )
    .addOption(
      new Option('--preset <name>', 'how eagerly the status is read; default balanced').choices(waitingPresets),
    )
    .addOption(
      new Option('--seconds-per-read <seconds>', 'seconds of delay that one status read is worth').argParser(
        parsePositive,
      ),
    )
    .option('--retry', 'start anew where the last run of this key provably cost nothing');
  command.addOption(
    new Option('--max-price <usd>', 'the price where none is published, and a limit where one is').argParser(
      parsePositive,
    ),
  );
  addBudgetOption(command);
  addWebhookOptions(command);
  addPriorityOptions(command);
  addLabelOption(command);
}

function toRequest(model: string, input: Record<string, unknown>, options: GenerateOptions): GenerationRequest {
  const { requestId, deadline, onUnknown, onCancel, onWall, budget, maxPrice, preset, secondsPerRead } = options;
  const hasWaiting = preset !== undefined || secondsPerRead !== undefined;
  return {
    model,
    input,
    ...withoutUndefined({
      requestId,
      deadlineMs: deadline,
      onUnknownSubmission: onUnknown,
      onCancelWhileRunning: onCancel,
      onWall,
      budgets: budget,
      maxPriceUsd: maxPrice,
      webhook: webhookOf(options),
      waiting: hasWaiting ? withoutUndefined({ preset, secondsOfDelayPerRead: secondsPerRead }) : undefined,
    }),
  };
}

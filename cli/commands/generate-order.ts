import { type Command, Option } from 'commander';
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
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { addDownloadOptions, addInputOptions } from '../download/deliver.ts';
import { addBudgetOption } from '../options/budget-option.ts';
import { addLabelOption, type LabelFlags } from '../options/label-option.ts';
import { parsePositive, parseStretch } from '../options/option-parsers.ts';
import { addPriorityOptions, type PriorityFlags } from '../options/priority-options.ts';
import { addWebhookOptions, type WebhookFlags, webhookOf } from '../options/webhook-options.ts';
import { type InputSource, readInput } from '../read-input.ts';

/** The options of `generate` that describe the order. */
export interface GenerateOrderFlags extends InputSource, PriorityFlags, LabelFlags, WebhookFlags {
  deadline?: number;
  requestId?: string;
  onUnknown?: UnknownSubmissionPolicy;
  onCancel?: CancelWhileRunningPolicy;
  onWall?: WallPolicy;
  budget?: string[];
  maxPrice?: number;
  maxCost?: number;
  preset?: WaitingPreset;
  secondsPerRead?: number;
}

/** Adds the options of `generate`. */
export function addGenerateOptions(command: Command): void {
  addInputOptions(command);
  addPolicyOptions(command);
  command.option('--no-wait', 'print { key, runId } as soon as it is started');
  addDownloadOptions(command);
}

/** Reads the request from the command line, without checking it. */
export async function readGenerateOrder(
  { printer, streams }: CommandContext,
  model: string,
  flags: GenerateOrderFlags,
): Promise<GenerationRequest> {
  const input = await readInput(flags, streams.stdin, printer.note);
  if (input !== undefined || flags.requestId !== undefined) return toRequest(model, input ?? {}, flags);
  throw new CliError(
    'Usage',
    'the input is missing: give --input JSON or --input-file FILE (- for standard input), or --request-id ID',
  );
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
  command.option('--max-cost <usd>', 'send nothing whose price is above this, or unknown', parsePositive);
  addBudgetOption(command);
  addWebhookOptions(command);
  addPriorityOptions(command);
  addLabelOption(command);
}

function toRequest(model: string, input: Record<string, unknown>, options: GenerateOrderFlags): GenerationRequest {
  const { requestId, deadline, onUnknown, onCancel, onWall, budget, maxPrice, maxCost, preset, secondsPerRead } =
    options;
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
      maxCostUsd: maxCost,
      webhook: webhookOf(options),
      waiting: hasWaiting ? withoutUndefined({ preset, secondsOfDelayPerRead: secondsPerRead }) : undefined,
    }),
  };
}

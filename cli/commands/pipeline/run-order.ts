import { type Command, Option } from 'commander';
import type { PipelineRequest } from '../../../client/index.ts';
import { wallPolicies, type WallPolicy } from '../../../domain/generation.ts';
import { issuesSentence } from '../../../domain/issues.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { parsePipelineRequest } from '../../../domain/pipeline/pipeline-request.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { addDownloadOptions } from '../../download/deliver.ts';
import { addBudgetOption } from '../../options/budget-option.ts';
import { addLabelOption, type LabelFlags } from '../../options/label-option.ts';
import { parseStretch } from '../../options/option-parsers.ts';
import { addPriorityOptions, type PriorityFlags } from '../../options/priority-options.ts';
import { standardInputOf } from '../../read-text.ts';
import { addPlanOptions, type CheckedPlanFile, checkPlanFile, type PlanFlags } from './plan-file.ts';

/** The options of `pipeline run` that describe the order. */
export interface PipelineOrderFlags extends PlanFlags, PriorityFlags, LabelFlags {
  deadline?: number;
  onWall?: WallPolicy;
}

/** Adds the options of `pipeline run`. */
export function addPipelineRunOptions(command: Command): void {
  command.option('--key <key>', 'name of this run, and the Workflow ID; default pipeline-<uuid>');
  addPlanOptions(command);
  command
    .addOption(new Option('--deadline <time>', 'give up after this time, e.g. 2h; default 7d').argParser(parseStretch))
    .addOption(
      new Option(
        '--on-wall <policy>',
        'when the wallet or a budget is empty, or the token refused: end, or wait for it to be mended; default fail',
      ).choices(wallPolicies),
    )
    .option('--rerun', 'run a key again that has ended: order what is new, changed, failed before or gone, and no more')
    .option('--dry-run', 'show what would be ordered, what reused, why, and the price; order nothing')
    .option('--yes', 'do not ask whether the price is right')
    .option('--no-wait', 'print { key, runId } as soon as it is started');
  addBudgetOption(command);
  addPriorityOptions(command);
  addLabelOption(command);
  addDownloadOptions(command);
}

/**
 * The request given by the command line, with its plan checked by the catalogue. `mayBePaid`: an earlier run may have
 * paid for part of it.
 */
export async function readPipelineOrder(
  { config, ...context }: CommandContext,
  file: string,
  flags: PipelineOrderFlags,
  { mayBePaid = false }: { mayBePaid?: boolean } = {},
): Promise<{ request: PipelineRequest } & Pick<CheckedPlanFile, 'checked' | 'warnings' | 'excess'>> {
  const read = await checkPlanFile(file, flags, { config, mayBePaid, ...standardInputOf(context) });
  const { plan, params, checked, warnings, excess } = read;
  const { deadline, maxCost, budget: budgets, onWall } = flags;
  const request = {
    plan,
    params,
    ...withoutUndefined({ deadlineMs: deadline, maxCostUsd: maxCost, budgets, onWall }),
  };
  const parsed = parsePipelineRequest(request);
  if (parsed.ok) return { request, checked, warnings, excess };
  throw new CliError('InvalidInput', `nothing was ordered: ${issuesSentence(parsed.issues)}`, {
    issues: parsed.issues,
  });
}

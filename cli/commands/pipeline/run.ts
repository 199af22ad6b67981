import { randomUUID } from 'node:crypto';
import { Option } from 'commander';
import { wallPolicies, type WallPolicy } from '../../../domain/generation.ts';
import { issuesSentence } from '../../../domain/issues.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { parsePipelineRequest } from '../../../domain/pipeline-request.ts';
import { addBudgetOption } from '../../budget-option.ts';
import { CliError } from '../../cli-error.ts';
import { defineCommand } from '../../define-command.ts';
import { addDownloadOptions, type DownloadFlags, prepareDownload } from '../../deliver.ts';
import { exitCodes } from '../../exit-codes.ts';
import { catchInterrupts } from '../../interrupts.ts';
import { addLabelOption, type LabelFlags, labelsOf } from '../../label-option.ts';
import { parseStretch } from '../../option-parsers.ts';
import { ownCommand } from '../../own-command.ts';
import { addPriorityOptions, type PriorityFlags, priorityOf } from '../../priority-options.ts';
import { deliverPipeline, pipelineResultCommand } from './deliver.ts';
import { dryRun } from './dry-run.ts';
import { mayPay } from './may-pay.ts';
import { addPlanOptions, checkPlanFile, type PlanFlags } from './plan-file.ts';
import { waitForPipeline } from './wait.ts';

interface RunFlags extends PlanFlags, DownloadFlags, PriorityFlags, LabelFlags {
  key?: string;
  deadline?: number;
  onWall?: WallPolicy;
  rerun?: boolean;
  dryRun?: boolean;
  wait: boolean;
  yes?: boolean;
}

/** `pipeline run FILE`: starts a pipeline, or attaches to the one of the same key, and waits for its result. */
export const addPipelineRun = defineCommand<RunFlags>({
  signature: 'run <file>',
  summary:
    'Run a plan and wait for its result. The same --key with the same plan attaches; with --rerun only what has changed, failed or is gone is ordered.',
  examples: [
    'runcomfy-temporal pipeline run film.yaml --key film-1 --param scene="A lighthouse at dusk" --download .',
    'runcomfy-temporal pipeline run film.yaml --key film-1 --rerun --max-cost 2',
    'runcomfy-temporal pipeline run film.yaml --key film-1 --rerun --dry-run --output json',
    'runcomfy-temporal pipeline run - --no-wait --output json < film.yaml',
  ],
  set: (command) => {
    command.option('--key <key>', 'name of this run, and the Workflow ID; default pipeline-<uuid>');
    addPlanOptions(command);
    command
      .addOption(
        new Option('--deadline <time>', 'give up after this time, e.g. 2h; default 7d').argParser(parseStretch),
      )
      .addOption(
        new Option(
          '--on-wall <policy>',
          'when the wallet or a budget is empty, or the token refused: end, or wait for it to be mended; default fail',
        ).choices(wallPolicies),
      )
      .option(
        '--rerun',
        'run a key again that has ended: order what is new, changed, failed before or gone, and no more',
      )
      .option('--dry-run', 'show what would be ordered, what reused, why, and the price; order nothing')
      .option('--yes', 'do not ask whether the price is right')
      .option('--no-wait', 'print { key, runId } as soon as it is started');
    addBudgetOption(command);
    addPriorityOptions(command);
    addLabelOption(command);
    addDownloadOptions(command);
  },
  act: async (context, [file = ''], flags) => {
    const { printer, streams, config } = context;
    if (!flags.wait && flags.download !== undefined) {
      throw new CliError('Usage', '--no-wait and --download do not go together: the files come with the result');
    }
    const labels = labelsOf(flags);
    const { plan, params, checked, warnings } = await checkPlanFile(file, flags, { config, stdin: streams.stdin });
    const { key = `pipeline-${randomUUID()}`, deadline, maxCost, budget: budgets, onWall, rerun } = flags;
    const request = {
      plan,
      params,
      ...withoutUndefined({ deadlineMs: deadline, maxCostUsd: maxCost, budgets, onWall }),
    };
    const parsed = parsePipelineRequest(request);
    if (!parsed.ok) {
      throw new CliError('InvalidInput', `nothing was ordered: ${issuesSentence(parsed.issues)}`, {
        issues: parsed.issues,
      });
    }
    if (flags.dryRun) return await dryRun(context, request, { key, rerun });
    for (const warning of warnings) printer.note(`warning: ${warning}`);
    await prepareDownload(flags);
    return context.withTemporal(async (connected) => {
      const isAccepted = flags.yes === true || flags.maxCost !== undefined;
      const payable = { key, rerun, isKeyGiven: flags.key !== undefined, isAccepted };
      if (!(await mayPay(context, connected, { request, checked }, payable))) {
        throw new CliError('Usage', 'nothing was ordered: not confirmed');
      }
      const interrupts = catchInterrupts();
      try {
        const command = pipelineResultCommand(key, flags);
        context.followed = { key, command };
        if (flags.key === undefined) printer.note(`key ${key}: \`${command}\` finds this pipeline again`);
        const pipeline = await connected.generations.pipelines.start(request, {
          key,
          ...priorityOf(flags),
          ...labels,
          ...(rerun && { rerun }),
        });
        for (const notice of pipeline.notices) printer.note(`note: ${notice}`);
        if (!flags.wait) {
          const { runId } = pipeline;
          printer.print({ key, runId }, () => `started ${key}: \`${ownCommand('pipeline result', key)}\` waits for it`);
          return exitCodes.done;
        }
        const result = await waitForPipeline(connected, pipeline, context, interrupts);
        return await deliverPipeline(context, result, flags);
      } finally {
        interrupts.stop();
      }
    });
  },
});

import { randomUUID } from 'node:crypto';
import { CliError } from '../../cli-error.ts';
import { defineCommand } from '../../define-command.ts';
import { type DownloadFlags, prepareDownload } from '../../download/deliver.ts';
import { exitCodes } from '../../exit-codes.ts';
import { catchInterrupts } from '../../interrupts.ts';
import { labelsOf } from '../../options/label-option.ts';
import { priorityOf } from '../../options/priority-options.ts';
import { ownCommand } from '../../own-command.ts';
import { deliverPipeline, pipelineResultCommand } from './deliver.ts';
import { dryRun } from './dry-run.ts';
import { mayPay } from './may-pay.ts';
import { addPipelineRunOptions, type PipelineOrderFlags, readPipelineOrder } from './run-order.ts';
import { waitForPipeline } from './wait.ts';

interface RunFlags extends PipelineOrderFlags, DownloadFlags {
  key?: string;
  rerun?: boolean;
  dryRun?: boolean;
  wait: boolean;
  yes?: boolean;
}

/** `pipeline run FILE`: starts a pipeline, or attaches to one with the same key, and waits for its result. */
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
  set: addPipelineRunOptions,
  act: async (context, [file = ''], flags) => {
    const { printer } = context;
    if (!flags.wait && flags.download !== undefined) {
      throw new CliError('Usage', '--no-wait and --download do not go together: the files come with the result');
    }
    const labels = labelsOf(flags);
    const mayBePaid = flags.key !== undefined;
    const { request, checked, warnings, excess } = await readPipelineOrder(context, file, flags, { mayBePaid });
    const { key = `pipeline-${randomUUID()}`, rerun } = flags;
    if (flags.dryRun) return await dryRun(context, request, { key, rerun });
    for (const warning of warnings) printer.note(`warning: ${warning}`);
    await prepareDownload(flags);
    return context.withTemporal(async (connected) => {
      const isAccepted = flags.yes === true || flags.maxCost !== undefined;
      const payable = { key, rerun, mayBePaid, isAccepted, isDear: excess.length > 0 };
      const answer = await mayPay(context, connected, { request, checked }, payable);
      if (answer === 'decline') throw new CliError('Usage', 'nothing was ordered: not confirmed');
      const interrupts = catchInterrupts();
      try {
        const command = pipelineResultCommand(key, flags);
        context.followed = { key, command };
        if (flags.key === undefined) printer.note(`key ${key}: \`${command}\` finds this pipeline again`);
        const pipeline = await connected.generations.pipelines.start(request, {
          key,
          ...priorityOf(flags),
          ...labels,
          ...(rerun && { rerun, attachOnly: answer === 'follow' }),
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

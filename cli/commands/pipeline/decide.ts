import { Option } from 'commander';
import type { ApprovalDecision } from '../../../client/index.ts';
import type { CommandContext } from '../../command-context.ts';
import { defineCommand } from '../../define-command.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';
import { parseWhole } from '../../options/option-parsers.ts';

const reason = '--reason <text>';

/** `pipeline approve KEY STEP`: approves a step, so that the pipeline continues. */
export const addPipelineApprove = defineCommand<{ choose?: number[]; reason?: string }>({
  signature: 'approve <key> <step>',
  summary: 'Approve a step that awaits a decision, and choose; `pipeline status` shows the choices, counted from 0.',
  examples: [
    'runcomfy-temporal pipeline approve film-1 pick --choose 2',
    "runcomfy-temporal pipeline approve film-1 pick --choose 0 --choose 3 --reason 'the best light'",
  ],
  set: (command) =>
    command
      .addOption(
        new Option('--choose <n>', 'one of the choices, counted from 0; can be repeated').argParser(
          (text: string, others: number[] | undefined) => [...(others ?? []), parseWhole(text)],
        ),
      )
      .option(reason, 'kept with the decision'),
  act: (context, [key = '', step = ''], { choose, reason: why }) =>
    decide(context, key, {
      step,
      decision: 'approve',
      ...(choose && { choose }),
      ...(why !== undefined && { reason: why }),
    }),
});

/** `pipeline reject KEY STEP`: fails a step that awaits a decision. */
export const addPipelineReject = defineCommand<{ reason?: string }>({
  signature: 'reject <key> <step>',
  summary: 'Reject a step that awaits a decision: it fails, and its failure rule says what follows.',
  examples: ["runcomfy-temporal pipeline reject film-1 pick --reason 'none of them'"],
  set: (command) => command.option(reason, 'kept with the decision'),
  act: (context, [key = '', step = ''], { reason: why }) =>
    decide(context, key, { step, decision: 'reject', ...(why !== undefined && { reason: why }) }),
});

function decide({ printer, withTemporal }: CommandContext, key: string, decision: ApprovalDecision): Promise<ExitCode> {
  return withTemporal(async ({ generations }) => {
    const reply = await (await generations.pipelines.get(key)).decide(decision);
    printer.print(reply, () => `${decision.decision === 'approve' ? 'approved' : 'rejected'} (phase ${reply.phase})`);
    return exitCodes.done;
  });
}

import { withoutUndefined } from '../../../domain/json.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { describeOutcome, table } from '../../printing/pretty.ts';

/** `pipeline cancel KEY`: asks every open order to cancel and reports each outcome. */
export const addPipelineCancel = defineCommand<{ reason?: string; detach?: boolean }>({
  signature: 'cancel <key>',
  summary: 'Ask every open order of a pipeline to stop and say what became of each (exit 0 whatever the outcome).',
  examples: [
    'runcomfy-temporal pipeline cancel film-1',
    "runcomfy-temporal pipeline cancel film-1 --detach --reason 'wrong scene'",
  ],
  set: (command) =>
    command
      .option('--reason <text>', 'kept with the pipeline and its orders')
      .option('--detach', 'do not wait for what RunComfy can no longer stop: it ends under its own key'),
  act: ({ printer, withTemporal }, [key = ''], { reason, detach }) =>
    withTemporal(async ({ generations }) => {
      const pipeline = await generations.pipelines.get(key);
      const reply = await pipeline.cancel(withoutUndefined({ reason, detach }));
      const rows = reply.steps.map(({ id, index, outcome, key: order = '' }) => [
        index === undefined ? id : `${id}[${String(index)}]`,
        outcome,
        order,
      ]);
      printer.print(reply, () => {
        const all = `${reply.outcome}: ${describeOutcome(reply.outcome)} (phase ${reply.phase})`;
        return rows.length === 0 ? all : `${all}\n${table(['STEP', 'OUTCOME', 'KEY'], rows)}`;
      });
      return exitCodes.done;
    }),
});

import { sumUp } from '../../../domain/estimate.ts';
import { estimateOrders } from '../../../plans/estimate.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { prettyEstimate } from '../../printing/estimate-table.ts';
import { standardInputOf } from '../../read-text.ts';
import { addPlanOptions, checkPlanFile, type PlanFlags } from './plan-file.ts';

/** `pipeline estimate FILE`: the expected cost of a plan's steps. */
export const addPipelineEstimate = defineCommand<PlanFlags>({
  signature: 'estimate <file>',
  summary: 'Show what the steps of a plan are expected to cost, and send nothing.',
  examples: ['runcomfy-temporal pipeline estimate film.yaml --param scene="A lighthouse at dusk" --max-cost 5'],
  set: addPlanOptions,
  act: async ({ config, printer, streams }, [file = ''], flags) => {
    const { checked, warnings, balanceUsd } = await checkPlanFile(file, flags, {
      config,
      ...standardInputOf({ printer, streams }),
    });
    if (printer.format === 'pretty') for (const warning of warnings) printer.note(`warning: ${warning}`);
    const estimate = sumUp(estimateOrders(checked.orders), balanceUsd);
    printer.print(estimate, () => prettyEstimate(estimate));
    return exitCodes.done;
  },
});

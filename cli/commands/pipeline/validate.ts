import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { standardInputOf } from '../../read-text.ts';
import { addPlanOptions, checkPlanFile, type PlanFlags } from './plan-file.ts';

/** `pipeline validate FILE`: checks a plan and sends nothing. */
export const addPipelineValidate = defineCommand<PlanFlags>({
  signature: 'validate <file>',
  summary: 'Check a plan of a pipeline and send nothing; with a token every model against the live catalogue.',
  examples: [
    'runcomfy-temporal pipeline validate film.yaml --param scene="A lighthouse at dusk"',
    'runcomfy-temporal pipeline validate - --params-file params.yaml --output json < film.yaml',
  ],
  set: addPlanOptions,
  act: async ({ config, printer, streams }, [file = ''], flags) => {
    const { checked, warnings } = await checkPlanFile(file, flags, {
      config,
      ...standardInputOf({ printer, streams }),
    });
    if (printer.format === 'pretty') for (const warning of warnings) printer.note(`warning: ${warning}`);
    const steps = checked.sortedSteps;
    printer.print(
      { valid: true, steps, params: checked.params, issues: [], warnings },
      () => `valid: ${steps.join(' → ')}`,
    );
    return exitCodes.done;
  },
});

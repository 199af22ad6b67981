import { createInputValidator, findBundledModel, validateBundled } from '../../runcomfy/models/index.ts';
import type { InputReport } from '../../runcomfy/models/index.ts';
import type { Config } from '../../config/env.ts';

import { CliError } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { addInputOptions } from '../deliver.ts';
import { exitCodes } from '../exit-codes.ts';
import { readInput } from '../read-input.ts';
import type { InputSource } from '../read-input.ts';
import { withRunComfy } from '../with-runcomfy.ts';

import { checkModelId } from './model.ts';

/** `validate MODEL`: checks an input and sends nothing. */
export const addValidate = defineCommand<InputSource>({
  signature: 'validate <model>',
  summary:
    'Check an input and send nothing: bundled models offline, others against the live catalogue where a token is set.',
  examples: [
    'runcomfy-temporal validate kling/kling-3.0/standard/image-to-video --input-file clip.json',
    'jq .clip job.json | runcomfy-temporal validate kling/kling-3.0/standard/image-to-video --input-file - --output json',
  ],
  set: addInputOptions,
  act: async ({ config, printer, streams }, [model = ''], source) => {
    checkModelId(model);
    const input = await readInput(source, streams.stdin, printer.note);
    if (input === undefined) {
      throw new CliError(
        'Usage',
        'the input is missing: give --input JSON or --input-file FILE (- for standard input)',
      );
    }
    const { issues, warnings } = await report(model, input, config);
    if (printer.format === 'pretty') for (const warning of warnings) printer.note(`warning: ${warning}`);
    if (issues.length > 0) {
      const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
      throw new CliError('InvalidInput', `the input is not valid for ${model}: ${list}`, { issues });
    }
    printer.print({ model, valid: true, issues, warnings }, () => `valid for ${model}`);
    return exitCodes.done;
  },
});

async function report(model: string, input: Record<string, unknown>, config: () => Config): Promise<InputReport> {
  if (findBundledModel(model)) return validateBundled(model, input);
  const settings = config();
  if (!settings.hasToken) {
    const { issues, warnings } = validateBundled(model, input);
    const warning = `${model} is not bundled and no token is set (RUNCOMFY_API_TOKEN), so its own schema was not looked at`;
    return { issues, warnings: [warning, ...warnings] };
  }
  return withRunComfy(settings, (runcomfy) =>
    createInputValidator({ getModel: (id) => runcomfy.getModel(id) }).validate(model, input),
  );
}

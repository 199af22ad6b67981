import type { Config } from '../../config/env.ts';
import { issuesSentence } from '../../domain/issues.ts';
import type { RunComfyClient } from '../../runcomfy/client.ts';
import { isUnknownModel } from '../../runcomfy/errors.ts';
import {
  bundledModels,
  createInputValidator,
  findBundledModel,
  type InputReport,
  validateBundled,
} from '../../runcomfy/models/index.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { addInputOptions } from '../download/deliver.ts';
import { exitCodes } from '../exit-codes.ts';
import { nearestModels } from '../nearest-models.ts';
import { type InputSource, readInput } from '../read-input.ts';
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
    for (const warning of warnings) {
      if (printer.format === 'pretty' || issues.length > 0) printer.note(`warning: ${warning}`);
    }
    if (issues.length > 0) {
      throw new CliError('InvalidInput', `the input is not valid for ${model}: ${issuesSentence(issues)}`, { issues });
    }
    printer.print({ model, valid: true, issues, warnings }, () => `valid for ${model}`);
    return exitCodes.done;
  },
});

const bundledIds: string[] = bundledModels.map(({ modelId }) => modelId);

async function report(model: string, input: Record<string, unknown>, config: () => Config): Promise<InputReport> {
  const settings = config();
  const { modelApiBase } = settings;
  if (findBundledModel(model)) return validateBundled(model, input, modelApiBase);
  if (settings.hasToken) return withRunComfy(settings, (runcomfy) => reportByCatalogue(runcomfy, model, input));
  const { issues, warnings } = validateBundled(model, input, modelApiBase);
  if (issues.length > 0) return { issues, warnings };
  const nearest = nearestModels(model, bundledIds);
  const message = `${model} is not bundled, so only RunComfy's catalogue knows whether it exists and what it takes: set RUNCOMFY_API_TOKEN; nearest bundled models: ${nearest.join(', ')}`;
  throw new CliError('Configuration', message);
}

/**
 * Checks the input by the catalogue. An unknown model is a problem of the order; if the catalogue is unreachable, this
 * throws.
 */
async function reportByCatalogue(
  runcomfy: RunComfyClient,
  model: string,
  input: Record<string, unknown>,
): Promise<InputReport> {
  const known = await runcomfy.getModel(model).catch(async (error: unknown) => {
    if (!isUnknownModel(error)) throw error;
    return nearestModels(model, await catalogueIds(runcomfy, model));
  });
  if (!Array.isArray(known))
    return createInputValidator({
      getModel: () => Promise.resolve(known),
      modelApiBase: runcomfy.modelApiBase,
    }).validate(model, input);
  const { issues, warnings } = validateBundled(model, input, runcomfy.modelApiBase);
  const hint = known.length === 0 ? '' : `; nearest: ${known.join(', ')}`;
  return { issues: [{ path: 'request.model', message: `RunComfy has no model ${model}${hint}` }, ...issues], warnings };
}

async function catalogueIds(runcomfy: RunComfyClient, model: string): Promise<string[]> {
  const search = model.split('/')[0] ?? model;
  try {
    const lists = await Promise.all([runcomfy.listModels({ search, limit: 100 }), runcomfy.listModels({ limit: 100 })]);
    return [...lists.flatMap(({ models }) => models.map(({ modelId }) => modelId)), ...bundledIds];
  } catch {
    return bundledIds;
  }
}

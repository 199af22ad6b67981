import { isModelId } from '../../domain/request.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { fields, priceOf } from '../printing/pretty.ts';
import { withRunComfy } from '../with-runcomfy.ts';

/** `model ID`: a model with the schema of its input. */
export const addModel = defineCommand({
  signature: 'model <id>',
  summary: 'Show a model with the schema of its input. Needs the token.',
  examples: [
    'runcomfy-temporal model kling/kling-3.0/standard/image-to-video',
    'runcomfy-temporal model kling/kling-3.0/standard/image-to-video --output json | jq .inputSchema',
  ],
  act: ({ config, printer }, [id = '']) => {
    checkModelId(id);
    return withRunComfy(config(), async (runcomfy) => {
      const model = await runcomfy.getModel(id);
      printer.print(model, () =>
        [
          fields([
            ['model', model.modelId],
            ['name', model.displayName],
            ['about', model.description],
            ['categories', model.categories.join(', ')],
            ['price', priceOf(model)],
            ['price note', model.pricingNote],
            ['page', model.modelUrl],
          ]),
          JSON.stringify(model.inputSchema ?? {}, undefined, 2),
        ].join('\n\n'),
      );
      return exitCodes.done;
    });
  },
});

/** Refuses what cannot be a model id before it gets into a URL. */
export function checkModelId(id: string): void {
  const isValid: boolean = isModelId(id);
  if (isValid) return;
  const message = `"${id}" is no model id: expected 2 to 5 segments of letters, digits, ".", "_" and "-", such as blackforestlabs/flux-2/flash/text-to-image`;
  throw new CliError('InvalidInput', message, { issues: [{ path: 'request.model', message }] });
}

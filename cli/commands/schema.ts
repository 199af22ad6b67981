import { CliError } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';

/** `schema DOCUMENT`: the JSON Schema of a document that services exchange with a generation. */
export const addSchema = defineCommand({
  signature: 'schema <document>',
  summary:
    'Print the JSON Schema (2020-12) of a document on the wire: generation-request, state, result, failure-details or webhook-event.',
  examples: ['runcomfy-temporal schema generation-request > generation-request.json'],
  act: async ({ printer }, [asked = '']) => {
    const { wireDocuments, wireSchema } = await import('../../gateway/contract/wire-schemas.ts');
    const document = wireDocuments.find((name) => name === asked);
    if (document === undefined) {
      throw new CliError('Usage', `there is no document of that name: expected one of ${wireDocuments.join(', ')}`);
    }
    const schema = wireSchema(document);
    printer.print(schema, () => JSON.stringify(schema, undefined, 2));
    return exitCodes.done;
  },
});

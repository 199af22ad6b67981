import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';

/** `openapi`: the document of the gateway's own API. */
export const addOpenapi = defineCommand({
  signature: 'openapi',
  summary: "Print the OpenAPI document (3.1) of the gateway's own API, as it serves it.",
  examples: ['runcomfy-temporal openapi > openapi.json'],
  act: async ({ streams }) => {
    const { readOwnDocument } = await import('../../gateway/read-own-document.ts');
    streams.stdout.write(await readOwnDocument());
    return exitCodes.done;
  },
});

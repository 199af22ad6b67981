import { z } from 'zod';
import { failureDetails, generationResult, modelInput, orderFields, stateFields } from './generation.ts';
import { webhookBody } from './webhook-body.ts';

/** The argument of a start, from any client. */
export const wireRequest = z
  .strictObject({ model: z.string(), input: z.exactOptional(modelInput), ...orderFields })
  .meta({ anyOf: [{ required: ['input'] }, { required: ['requestId'] }] });

const documents = {
  'generation-request': { schema: wireRequest, title: 'Argument of workflow runcomfyGeneration' },
  state: { schema: z.object(stateFields), title: 'Answer of query state of runcomfyGeneration' },
  result: { schema: generationResult, title: 'Result of workflow runcomfyGeneration' },
  'failure-details': { schema: failureDetails, title: 'First detail of a failure of runcomfyGeneration' },
  'webhook-event': { schema: webhookBody, title: 'Body of a webhook of runcomfyGeneration' },
} as const;

/** A document that clients exchange with a generation. */
export type WireDocument = keyof typeof documents;

/** The names of these documents. */
export const wireDocuments = Object.keys(documents) as WireDocument[];

/**
 * JSON Schema (2020-12) of a document. Documents sent by a generation may get further fields; a request may not have
 * any.
 */
export function wireSchema(name: WireDocument): Record<string, unknown> {
  const { schema, title } = documents[name];
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return { $schema, title, ...rest };
}

import { z } from 'zod';
import { scopes } from '../access/principal.ts';
import { inputIssue, modelInput, time } from './generation.ts';
import { usd } from './money.ts';

const { exactOptional } = z;

/** A model of the catalogue. */
export const model = z
  .object({
    modelId: z.string(),
    displayName: exactOptional(z.string()),
    description: exactOptional(z.string()),
    categories: z.array(z.string()),
    kind: exactOptional(z.string()),
    basePriceUsd: exactOptional(usd),
    priceUnit: exactOptional(z.string()),
    pricingNote: exactOptional(z.string()),
    requiredInputs: exactOptional(z.array(z.string())),
    modelUrl: exactOptional(z.string()),
    inputSchema: exactOptional(
      z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema (2020-12) of the input; of one model alone' }),
    ),
  })
  .meta({ id: 'Model' });

export type Model = z.output<typeof model>;

export const modelList = z.object({ models: z.array(model), total: z.int() }).meta({ id: 'ModelList' });

export const checkRequest = z.strictObject({ input: modelInput }).meta({
  id: 'CheckRequest',
  examples: [{ input: { prompt: 'The beam sweeps over a calm sea' } }],
});

/** Whether an input fits, and its expected cost. */
export const inputCheck = z
  .object({
    valid: z.boolean(),
    issues: z.array(inputIssue),
    warnings: z.array(z.string()),
    price: z
      .object({
        usd: exactOptional(usd),
        basis: z.enum(['per second', 'per output', 'unknown']),
        note: exactOptional(z.string()),
      })
      .meta({ id: 'Price' }),
  })
  .meta({ id: 'InputCheck' });

export type InputCheck = z.output<typeof inputCheck>;

export const balance = z.object({ usd, currency: exactOptional(z.string()), readAt: time }).meta({ id: 'Balance' });

export const whoAmI = z
  .object({
    tenant: z.string(),
    scopes: z.array(z.enum(scopes)),
    keyId: exactOptional(z.string()),
    name: exactOptional(z.string()),
    expiresAt: exactOptional(time),
    models: exactOptional(z.array(z.string())),
    version: z.string(),
  })
  .meta({ id: 'WhoAmI' });

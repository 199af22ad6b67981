import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type {
  FailureDetails,
  GenerationRequest,
  GenerationResult,
  GenerationState,
} from '../../../domain/generation.ts';
import type { WebhookBody, WebhookFailure } from '../../../domain/webhook/webhook.ts';
import type { failureDetails, generationResult, stateFields } from '../../../gateway/contract/generation.ts';
import type { webhookBody } from '../../../gateway/contract/webhook-body.ts';
import { wireDocuments, type wireRequest, wireSchema } from '../../../gateway/contract/wire-schemas.ts';
import { commandInProcess } from '../../support/command-in-process.ts';
import { root } from '../../support/docs.ts';
import { recordedDocuments } from './recorded-documents.ts';

type Plain<Shape> = { [Name in keyof Shape]: Shape[Name] };

const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  strictTypes: false,
  allowUnionTypes: true,
  formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
});
const recorded = recordedDocuments();

describe.each(wireDocuments)('the JSON Schema of %s', (name) => {
  const schema = wireSchema(name);
  const validate = ajv.compile(schema);

  it('is kept in the repository, and printed by `schema`', async () => {
    const file = readFileSync(path.join(root, 'docs/schemas', `${name}.json`), 'utf8');
    expect(file, 'npm run wire-schemas writes it').toBe(`${JSON.stringify(schema, undefined, 2)}\n`);
    const { exitCode, stdout } = await commandInProcess(['schema', name, '--output', 'pretty'], {});
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: file });
  });

  it('takes every such document of the recorded histories, and not just any object', () => {
    const documents = recorded.filter((each) => each.name === name);
    expect(documents.length).toBeGreaterThan(0);
    for (const { where, document } of documents) {
      expect(validate(document) ? [] : validate.errors, where).toEqual([]);
    }
    for (const junk of [{}, [], null, 'text']) expect(validate(junk), JSON.stringify(junk)).toBe(false);
  });
});

it('has the fields of the types, each of the same kind', () => {
  expectTypeOf<z.output<typeof wireRequest>>().toEqualTypeOf<
    Plain<Omit<GenerationRequest, 'input'> & Partial<Pick<GenerationRequest, 'input'>>>
  >();
  expectTypeOf<z.output<z.ZodObject<typeof stateFields>>>().toEqualTypeOf<GenerationState>();
  expectTypeOf<z.output<typeof generationResult>>().toEqualTypeOf<GenerationResult>();
  expectTypeOf<z.output<typeof failureDetails>>().toEqualTypeOf<FailureDetails>();
  type Body = z.output<typeof webhookBody>;
  expectTypeOf<Omit<Body, 'data'>>().toEqualTypeOf<Omit<WebhookBody, 'data'>>();
  expectTypeOf<Omit<Body['data'], 'failure'>>().toEqualTypeOf<Omit<WebhookBody['data'], 'failure'>>();
  expectTypeOf<NonNullable<Body['data']['failure']>>().toEqualTypeOf<Plain<WebhookFailure>>();
});

it('a request names a model and either an input or a request to take over, and nothing that is not known', () => {
  const validate = ajv.compile(wireSchema('generation-request'));
  const model = 'a/b';
  expect(validate({ model, input: {} })).toBe(true);
  expect(validate({ model, requestId: 'r-1' })).toBe(true);
  expect(validate({ model })).toBe(false);
  expect(validate({ input: {} })).toBe(false);
  expect(validate({ model, input: {}, prompt: 'p' })).toBe(false);
});

it('`schema` of anything else is refused, and the five are named', async () => {
  const { exitCode, stdout } = await commandInProcess(['schema', 'batch', '--output', 'json'], {});
  expect(exitCode).toBe(64);
  for (const name of wireDocuments) expect(stdout).toContain(name);
});

it('every copy that is kept is one of the five', () => {
  expect(readdirSync(path.join(root, 'docs/schemas')).sort()).toEqual(
    wireDocuments.map((name) => `${name}.json`).sort(),
  );
});

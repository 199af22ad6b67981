import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { walkJson } from '../../../domain/json.ts';
import { readOwnDocument } from '../../../gateway/read-own-document.ts';
import { root } from '../../support/docs.ts';

const copy = path.join(root, 'docs/openapi.json');
const ofRunComfy = path.join(root, 'docs/compat-openapi.yaml');

it('is kept in the repository as it is served', async () => {
  expect(readFileSync(copy, 'utf8'), 'npm run openapi writes it').toBe(await readOwnDocument());
});

it('has no fault that a linter finds, as the other has none, and nothing that generators stumble over', async () => {
  const environment = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', CI: 'true' };
  const { stderr } = await promisify(execFile)('node_modules/.bin/redocly', ['lint', copy, ofRunComfy], {
    cwd: root,
    env: environment,
  });
  expect(stderr).toContain('Your API descriptions are valid');
  const text = readFileSync(copy, 'utf8');
  expect(text.match(/"x-(?!runcomfy-format")[^"]*"(?=:)/g)).toBe(null);
  const document: unknown = JSON.parse(text);
  for (const { path: place, value } of walkJson(document)) {
    if (place.endsWith('.type') && !place.includes('.properties.type')) expect(value, place).toBeTypeOf('string');
    expect(value, place).not.toBe(null);
    expect(value === 'null' && place.endsWith('.type'), place).toBe(false);
  }
});

it('says that a body may be left out exactly where it may', async () => {
  const { paths } = JSON.parse(await readOwnDocument()) as {
    paths: Record<string, Record<string, { operationId: string; requestBody?: { required: boolean } }>>;
  };
  const told = Object.values(paths).flatMap((methods) => Object.values(methods));
  const left = told.filter(({ requestBody }) => requestBody?.required === false).map((one) => one.operationId);
  expect(left.toSorted()).toEqual(['cancelBatch', 'cancelGeneration', 'cancelPipeline', 'pauseBatch', 'resumeBatch']);
});

it('has an example of everything that is sent and answered, and each fits', async () => {
  const document = JSON.parse(await readOwnDocument()) as {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, { examples?: unknown[] }> };
  };
  const ajv = new Ajv2020({
    strict: false,
    formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
  });
  ajv.addSchema(document, 'document');
  const bodiesOf = ({ requestBody, responses }: Operation) => [requestBody, ...Object.values(responses)];
  for (const operation of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
    for (const [type, { schema, example }] of bodiesOf(operation).flatMap((body) =>
      Object.entries(body?.content ?? {}),
    )) {
      // Of a stream, and of lines, each part is a document of its own.
      if (!type.endsWith('json')) continue;
      const { $ref = '' } = schema;
      const examples = document.components.schemas[$ref.replace('#/components/schemas/', '')]?.examples ?? [];
      const all = example === undefined ? examples : [example, ...examples];
      expect(all, `${operation.operationId}: ${$ref}`).not.toEqual([]);
      const validate = ajv.getSchema(`document${$ref}`);
      for (const one of all) expect(validate?.(one), `${$ref}: ${JSON.stringify(validate?.errors)}`).toBe(true);
    }
  }
});

interface Body {
  content?: Record<string, { schema: { $ref?: string }; example?: unknown }>;
}

interface Operation {
  operationId: string;
  requestBody?: Body;
  responses: Record<string, Body>;
}

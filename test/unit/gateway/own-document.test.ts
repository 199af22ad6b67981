import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
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
  const document: unknown = JSON.parse(readFileSync(copy, 'utf8'));
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
  expect(left.toSorted()).toEqual(['cancelBatch', 'cancelGeneration', 'cancelPipeline', 'pauseBatch']);
});

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlan } from '../../../plans/parse-plan.ts';
import { planSchema } from '../../../plans/plan-schema.ts';
import { parsePlanText } from '../../../plans/plan-text.ts';
import { planOf } from '../../fuzz/pipelines/plan-of.ts';
import { pipelineScripts } from '../../fuzz/pipelines/script.ts';
import { readPages, root } from '../../support/docs.ts';
import { misshapenPlans, onlyParsed } from './misshapen-plans.ts';
import { refusedForms } from './refused-forms.ts';
import { refusedValues } from './refused-values.ts';

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(planSchema());
const problemsOf = (plan: unknown) => (validate(plan) ? [] : validate.errors);

describe('the JSON Schema of a plan', () => {
  it('is the file that the package has; `npm run plan-schema` writes it', () => {
    const file = readFileSync(path.join(root, 'pipeline-plan.schema.json'), 'utf8');
    expect(file).toBe(`${JSON.stringify(planSchema(), undefined, 2)}\n`);
  });

  it('takes every plan of the documentation and of the examples, as the parser does', () => {
    const blocks = readPages().flatMap(({ name, blocks }) =>
      blocks
        .filter(({ language, code }) => language === 'yaml' && code.includes('steps:') && code.includes('version: 1'))
        .map(({ code }) => [name, code] as const),
    );
    const files = readdirSync(path.join(root, 'examples'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml') && !name.includes('node_modules'))
      .map((name) => [name, readFileSync(path.join(root, 'examples', name), 'utf8')] as const)
      .filter(([, text]) => text.includes('pipeline-plan.schema.json'));
    const plans = [...blocks, ...files];
    expect(files.length).toBeGreaterThan(1);
    for (const [name, text] of plans) {
      const read = parsePlanText(text);
      expect(read, name).toMatchObject({ ok: true });
      const plan = read.ok ? read.value : undefined;
      expect(parsePlan(plan), name).toMatchObject({ ok: true });
      expect(problemsOf(plan), name).toEqual([]);
    }
  });

  it('takes every plan that the parser takes, though what it asks for may be refused later', () => {
    const taken = [...refusedForms, ...refusedValues].filter(([, plan]) => parsePlan(plan).ok);
    expect(taken.length).toBeGreaterThan(20);
    for (const [what, plan] of taken) expect(problemsOf(plan), what).toEqual([]);
  });

  it('takes random plans', () => {
    fc.assert(
      fc.property(pipelineScripts, (script) => {
        const plan = planOf(script, new Map());
        expect(parsePlan(plan).ok).toBe(true);
        expect(problemsOf(plan)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it.each(misshapenPlans)('refuses what the parser refuses: %s', (_what, plan) => {
    expect(parsePlan(plan).ok).toBe(false);
    expect(problemsOf(plan)).not.toEqual([]);
  });

  it.each(onlyParsed)('leaves to the parser what no schema can say: %s', (_what, plan) => {
    expect(parsePlan(plan).ok).toBe(false);
    expect(problemsOf(plan)).toEqual([]);
  });
});

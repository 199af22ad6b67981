import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { PlanParam } from '../../../domain/pipeline/pipeline.ts';
import { checkPlan } from '../../../plans/check-plan.ts';
import { evaluateValue, type Values } from '../../../plans/evaluate.ts';
import { codeIn, readPage, readPages } from '../../support/docs.ts';

const page = readPage('docs/expressions.md');
const codeOf = (language: string) => page.blocks.find((block) => block.language === language)?.code ?? '';
const plan = parse(codeOf('yaml')) as { params: Record<string, PlanParam>; steps: Record<string, unknown> };
const known = JSON.parse(codeOf('json')) as Omit<Values, 'declared' | 'pipeline'>;

const recipes = recipesOf();

describe('docs/expressions.md', () => {
  it('has a dozen recipes', () => {
    expect(recipes.length).toBeGreaterThanOrEqual(12);
  });

  it.each(recipes)('%s: gives what it says, and fits the types of the plan', async (_what, expression, given) => {
    const values: Values = { ...known, declared: plan.params, pipeline: { key: 'film' } };
    expect(evaluateValue(expression, values)).toEqual(JSON.parse(given));
    const asks = { model: 'a/model', runsWhen: 'ended', forEach: [{ prompt: 'a boat' }], input: { text: expression } };
    const { issues } = await checkPlan({ ...plan, steps: { ...plan.steps, asks } });
    expect(issues).toEqual([]);
  });
});

describe('plans in the documentation', () => {
  const plans = readPages().flatMap(({ name, blocks }) =>
    blocks
      .filter(({ language, code }) => language === 'yaml' && /^version: 1$/m.test(code))
      .map(({ code }, index): [string, string] => [`${name} ${String(index + 1)}`, code]),
  );

  it.each(plans)('pass the check that comes before paying: %s', async (_name, code) => {
    const { issues } = await checkPlan(parse(code));
    expect(issues.filter(({ message }) => !message.startsWith('is required'))).toEqual([]);
  });
});

/** What, expression, and its value as JSON. */
function recipesOf(): [string, string, string][] {
  const [, section = ''] = page.text.split('\n## Recipes\n');
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
  return rows.map((line) => {
    const [what = '', expression = '', given = ''] = line.slice(2, -2).split(' | ');
    return [what, codeIn(expression)[0] ?? '', codeIn(given)[0] ?? ''];
  });
}

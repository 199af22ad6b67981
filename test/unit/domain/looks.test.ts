import { expect, it } from 'vitest';
import { checkItems } from '../../../domain/batch/batch-item.ts';
import { createIssueList } from '../../../domain/issues.ts';
import { planLimits } from '../../../domain/pipeline/pipeline.ts';
import { findOversize, findOversizeOfParams } from '../../../domain/pipeline/plan-size.ts';
import { findUnsendable } from '../../../domain/request.ts';

/** A list that counts how often a place of it is looked at. */
function counted(length: number) {
  const seen = { looks: 0 };
  const list = new Proxy(
    Array.from({ length }, () => 1),
    {
      get(target, key) {
        if (typeof key === 'string' && /^\d/.test(key)) seen.looks += 1;
        return Reflect.get(target, key) as unknown;
      },
    },
  );
  return { list, seen };
}

it('an input is looked through once', () => {
  const { list, seen } = counted(19_000);
  expect(findUnsendable({ list })).toEqual([]);
  expect(seen.looks).toBe(19_000);
});

it('a plan of too many values is not written down to be weighed, nor are params', () => {
  const { list, seen } = counted(planLimits.bytes);
  expect(findOversize({ list })).toEqual({ path: '$', message: 'has more than 20000 values' });
  expect(seen.looks).toBe(planLimits.values - 1);
  expect(findOversizeOfParams({ list })).toEqual({ path: '$.params', message: 'has more than 20000 values' });
  expect(seen.looks).toBe(2 * (planLimits.values - 1));
});

it('params nested so deep that writing them down overflows the stack are refused by their levels', () => {
  const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
  const issue = { path: '$.params', message: 'nested more than 100 levels deep' };
  expect(findOversizeOfParams({ deep })).toEqual(issue);
});

it('an item of a batch is written down once to be weighed, alone and with the others', () => {
  const weighed = { times: 0 };
  const item = { id: '1', model: 'a/b', input: {} };
  const toJSON = () => {
    weighed.times += 1;
    return { ...item };
  };
  Object.defineProperty(item, 'toJSON', { value: toJSON, enumerable: false });
  const issues = createIssueList();
  checkItems([item], 'generation', issues);
  expect([issues.toIssues(), weighed.times]).toEqual([[], 1]);
});

import { describe, expect, it } from 'vitest';
import { boundIssues, createIssueList, issuesSentence } from '../../../domain/issues.ts';

const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `$.list[${String(index)}]`, message: 'expected a string' }));

describe('problems', () => {
  it('are at most 50, with one entry for all others', () => {
    const bounded = boundIssues(many(8_000));
    expect(bounded).toHaveLength(51);
    expect(bounded.at(-1)).toEqual({ path: '$', message: 'and 7950 more problems' });
    expect(boundIssues(many(50))).toEqual(many(50));

    const list = createIssueList();
    for (const { path, message } of many(51)) list.add(path, message);
    expect(list.isFull()).toBe(true);
    list.count(30);
    expect(list.toIssues().at(-1)).toEqual({ path: '$', message: 'and 31 more problems' });
    expect(list.toIssues().slice(0, 50)).toEqual(many(50));
    expect(boundIssues(many(51)).at(-1)).toEqual({ path: '$', message: 'and 1 more problem' });
  });

  it('are of bounded length', () => {
    const endless = { path: `$["${'k'.repeat(1_000_000)}"]`, message: '灯'.repeat(1_000_000) };
    const bytes = Buffer.byteLength(JSON.stringify(boundIssues(Array.from({ length: 8_000 }, () => endless))));
    expect(bytes).toBeLessThan(64 * 1024);
  });

  it('are told in one sentence of bounded length', () => {
    expect(issuesSentence(many(2))).toBe('$.list[0]: expected a string; $.list[1]: expected a string');
    expect(issuesSentence(many(12))).toMatch(/\$\.list\[9\]: expected a string; and 2 more$/);
    expect(issuesSentence([{ path: '$', message: 'x'.repeat(10_000) }]).length).toBeLessThanOrEqual(2_001);
  });
});

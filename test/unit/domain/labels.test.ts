import { describe, expect, it } from 'vitest';
import { findLabelIssues } from '../../../domain/label-issues.ts';
import { labelMemo, labelsIn, labelsMemoKey, labelWords } from '../../../domain/labels.ts';

describe('labels', () => {
  it.each([
    { team: 'film' },
    { 'cost-centre': 'DE/4711', campaign: 'autumn 2026', owner: 'a@b.example', größe: undefined },
    { a: 'Herbstaktion Ü' },
  ])('%o are taken where every name and value can be one', (labels) => {
    const given = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined));
    expect(findLabelIssues(given)).toEqual([]);
    expect(labelsIn(labelMemo(given as Record<string, string>))).toEqual(given);
  });

  it.each<[what: string, labels: unknown, paths: string[]]>([
    ['text', 'team=film', ['labels']],
    ['a list', ['team=film'], ['labels']],
    ['nothing', null, ['labels']],
    ['eleven', Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`n${String(at)}`, 'v'])), ['labels']],
    ['a name with "="', { 'a=b': 'v' }, ['label.a=b']],
    [
      'a name that begins with a digit, and one that is long',
      { '1a': 'v', [`a${'b'.repeat(40)}`]: 'v' },
      ['label.1a', `label.a${'b'.repeat(40)}`],
    ],
    ['a number', { team: 7 }, ['label.team']],
    ['no text', { team: '' }, ['label.team']],
    ['quotes, line breaks, a backslash', { a: '"', b: 'x\ny', c: '\\' }, ['label.a', 'label.b', 'label.c']],
    ['space at an end', { a: ' x', b: 'x ' }, ['label.a', 'label.b']],
    ['121 bytes', { a: `${'x'.repeat(119)}ü` }, ['label.a']],
    [
      'a thousand wrong ones',
      Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`n${String(at)}`, ''])),
      ['labels'],
    ],
  ])('%s are refused, every problem at once', (_what, labels, paths) => {
    const found = findLabelIssues(labels).map(({ path }) => path);
    expect(found).toEqual(expect.arrayContaining(paths));
    expect(found.length).toBeLessThanOrEqual(51);
    expect(labelsIn({ [labelsMemoKey]: labels })).toBeUndefined();
  });

  it('fit into one search attribute, however many and long they may be', () => {
    const most = Object.fromEntries(
      Array.from({ length: 10 }, (_, at) => [`${String.fromCharCode(97 + at)}${'n'.repeat(39)}`, 'v'.repeat(120)]),
    );
    expect(findLabelIssues(most)).toEqual([]);
    expect(Buffer.byteLength(JSON.stringify(labelWords(most)))).toBeLessThan(2_048);
  });
});

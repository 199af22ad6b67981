import { expect, it } from 'vitest';
import { budgetNameWords } from '../../../domain/budget/names.ts';
import type { Principal } from '../../../gateway/access/principal.ts';
import { inOwnWords } from '../../../gateway/api/own-words.ts';

const acme: Principal = { tenant: 'acme', scope: 'generate' };
const told = (message: string, ...keys: string[]) => inOwnWords(acme, { message }, ...keys).message;

it.each([
  'could not download https://acme.s3.amazonaws.com/in.png',
  'Publish on acme.com?',
  'RunComfy refused "acme.com" as a host, got "acme.com"',
  'could not download https://cdn.example/acme/k/in.png',
  'the file acme/k1 is no image (model acme/k.2/video, key of another)',
])('leaves what RunComfy or a person wrote as it is: %s', (sentence) => {
  expect(told(sentence, 'acme/k')).toBe(sentence);
  const [reason, note, lastMessage] = [sentence, sentence, sentence];
  const issues = [{ path: '$.image', message: sentence }];
  const given = { reason, note, lastMessage, warnings: [sentence], approval: { message: sentence }, issues };
  expect(inOwnWords(acme, given, 'acme/k')).toEqual(given);
});

it.each([
  ['there is no budget "acme.spring": create it', 'there is no budget "spring": create it'],
  ['budget "acme.spring": budget "acme.spring" is closed', 'budget "spring": budget "spring" is closed'],
  ['"runcomfy-budget:acme.spring" is in use', '"runcomfy-budget:spring" is in use'],
  [`expected names of ${budgetNameWords}, got "acme.a b"`, `expected names of ${budgetNameWords}, got "a b"`],
  ['budget "acme.acme.com" is closed', 'budget "acme.com" is closed'],
  ['generation "acme/k" is running (key acme/k)', 'generation "k" is running (key k)'],
  ['step x of acme/p/x, acme/p/x@1.2 and acme/p.', 'step x of p/x, p/x@1.2 and p.'],
  ['Temporal has no "runcomfy-batch-page:acme/k:items-0"', 'Temporal has no "runcomfy-batch-page:k:items-0"'],
  ['key "acme/acme/k" and key "acme/k"', 'key "acme/k" and key "k"'],
])('names budgets and keys as their tenant knows them: %s', (sentence, expected) => {
  expect(told(sentence, 'acme/k', 'acme/p', 'acme/p/x', 'acme/acme/k')).toBe(expected);
});

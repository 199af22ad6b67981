import { expect, it } from 'vitest';
import { fromPageToken, toPageToken } from '../../../gateway/api/page-token.ts';

const token = Buffer.from('place 7').toString('base64');
const boundTo = ['lines', 'acme/many', { status: 'failed' }];

it('is taken as it was given, and refused where a character of it is another, or the list is', () => {
  const given = toPageToken(token, ...boundTo);
  expect(fromPageToken(given, ...boundTo)).toBe(token);
  const refused = { refusal: 'MalformedRequest' };
  const altered = Array.from(
    given,
    (one, at) => `${given.slice(0, at)}${one === 'A' ? 'B' : 'A'}${given.slice(at + 1)}`,
  );
  for (const text of [...altered, `${given}A`, `${given}=`, given.slice(0, -1), given.slice(0, 22), '']) {
    expect(() => fromPageToken(text, ...boundTo), text).toThrow(expect.objectContaining(refused) as Error);
  }
  for (const other of [['lines', 'other/many', { status: 'failed' }], ['lines', 'acme/many', {}], []]) {
    expect(() => fromPageToken(given, ...other)).toThrow(expect.objectContaining(refused) as Error);
  }
});

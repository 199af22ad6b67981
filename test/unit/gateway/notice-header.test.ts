import { validateHeaderValue } from 'node:http';
import { expect, it } from 'vitest';
import { toNoticeHeader } from '../../../gateway/http/notice-header.ts';

it.each([
  ['of one', ['a hint']],
  ['of letters beyond ASCII', ['prompt: „größer“ – …', 'заказ\r\nx: y']],
  [
    'longer than a header may be',
    Array.from({ length: 50 }, (_, nth) => `a field that no model knows: ${String(nth)} …`),
  ],
])('notices %s can be written as a header', (_, notices) => {
  const value = toNoticeHeader(notices);
  validateHeaderValue('runcomfy-temporal-notice', value);
  expect(value.length).toBeLessThanOrEqual(1_000);
  expect(value.slice(0, 6)).toBe(
    notices
      .join('; ')
      .slice(0, 6)
      .replaceAll(/[^\x20-\x7e]/g, '?'),
  );
});

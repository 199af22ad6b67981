import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isUtf8 } from '../../../domain/utf-8.ts';

function decodes(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const edges = fc.constantFrom(
  ...[0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xef],
  ...[0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
);

it('takes for UTF-8 what a strict decoder takes, and nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), fc.array(edges, { maxLength: 5 }), fc.string(), (any, hard, text) => {
      for (const bytes of [any, Uint8Array.from(hard), Buffer.from(text), Buffer.from(`${text}é`, 'latin1')]) {
        expect(isUtf8(bytes)).toBe(decodes(bytes));
      }
    }),
    { numRuns: 2_000 },
  );
});

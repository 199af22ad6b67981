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

const edges = fc.constantFrom(...Buffer.from('007f808f909fa0bfc1c2dfe0e1ecedeff0f1f3f4f5ff', 'hex'));

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

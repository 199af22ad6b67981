import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, messageOf, numberIn, wellFormed } from '../../../domain/text.ts';

const isWellFormed = (text: string) => {
  try {
    encodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** Text with whole and half characters of every kind. */
const anyText = () =>
  fc.array(fc.oneof(fc.constantFrom('a', 'é', '灯', '😀', '👩‍🚀'), half())).map((units) => units.join(''));
const half = () => fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit));

describe('cutText', () => {
  it('never ends inside a character', () => {
    expect(cutText(`${'a'.repeat(1_999)}\u{1F600}`, 2_000)).toBe(`${'a'.repeat(1_999)}…`);
    expect(cutText(`${'a'.repeat(1_998)}\u{1F600}!`, 2_000)).toBe(`${'a'.repeat(1_998)}\u{1F600}…`);
  });

  it('leaves a short text as it is, and is well formed and bounded whatever it is given', () => {
    fc.assert(
      fc.property(anyText(), fc.nat(20), (text, maxLength) => {
        const cut = cutText(text, maxLength);
        expect(isWellFormed(cut)).toBe(true);
        expect(cut.length).toBeLessThanOrEqual(maxLength + 1);
        if (text.length <= maxLength) expect(cut).toBe(wellFormed(text));
        else expect(cut.endsWith('…')).toBe(true);
      }),
    );
  });
});

describe('wellFormed', () => {
  it('replaces half a character, wherever it stands, and nothing else', () => {
    expect(wellFormed('scene \ud83d')).toBe('scene \ufffd');
    expect(wellFormed('\ude00 first \u{1F600}')).toBe('\ufffd first \u{1F600}');
    expect(wellFormed('灯塔 é 😀')).toBe('灯塔 é 😀');
  });
});

describe('messageOf', () => {
  it('tells what an error says, whatever was thrown', () => {
    expect(messageOf(new TypeError('no'))).toBe('no');
    expect(messageOf('text')).toBe('text');
    expect(messageOf(undefined)).toBe('undefined');
  });
});

describe('numberIn', () => {
  it('reads decimals, and nothing else that JavaScript takes for a number', () => {
    const numbers = { '5': 5, ' -0.5\n': -0.5, '+7': 7, '.5': 0.5, '5.': 5, '1e3': 1_000, '1.5E-2': 0.015 };
    for (const [text, number] of Object.entries(numbers)) expect(numberIn(text), text).toBe(number);
    const others = [
      '',
      ' ',
      '\t\n',
      '\u00a0',
      '0x10',
      '0b1',
      '0o7',
      'Infinity',
      'NaN',
      '1e999',
      '1,5',
      '1_000',
      '5s',
      '.',
    ];
    for (const text of others) expect(numberIn(text), text).toBeUndefined();
  });
});

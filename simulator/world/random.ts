/** A stream of numbers in [0, 1). */
export type Random = () => number;

/** Mulberry32. The seed and further numbers select the stream, so that streams are independent of each other. */
export function createRandom(seed: number, ...stream: number[]): Random {
  let state = stream.reduce(mix, mix(0x9e3779b9, seed));
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A version 4 UUID from the stream. */
export function drawUuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = '4';
  hex[16] = '89ab'.charAt(Math.floor(random() * 4));
  const text = hex.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

const idLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/** An id of letters, digits, `_` and `-`. */
export function drawId(random: Random, length: number): string {
  return Array.from({ length }, () => idLetters.charAt(Math.floor(random() * idLetters.length))).join('');
}

function mix(state: number, value: number): number {
  let hash = Math.imul(state ^ value, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ Math.floor(value / 2 ** 32);
  return (hash ^ (hash >>> 16)) | 0;
}

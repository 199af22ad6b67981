/** How large the text of a JSON document may be, told before it is parsed. */
export interface JsonTextBounds {
  /** Values at all places together; an array or object counts as well as what is in it, one that is empty twice. */
  maxValues: number;
  /** Names of properties in all objects together: of all that JSON has, they take most of the time. */
  maxNames: number;
  /** Names that differ from each other: one that was read before takes a fraction of the time. */
  maxDistinctNames: number;
  /** UTF-8 bytes of these together. */
  maxDistinctNameBytes: number;
  /** Arrays and objects inside each other. */
  maxLevels: number;
}

/** Where workflows run each look at a global costs more than the product. */
const { imul } = Math;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Whether a document of JSON, as UTF-8, is within bounds; looked at no further than the first that it exceeds. */
export function isJsonTextWithin(text: Uint8Array, bounds: JsonTextBounds): boolean {
  const { maxValues, maxNames, maxDistinctNames, maxDistinctNameBytes, maxLevels } = bounds;
  const distinct = new Set<number>();
  let distinctBytes = 0;
  let values = 1;
  let names = 0;
  let levels = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at] ?? 0) {
      case quote:
        from = at;
        for (at += 1; at < text.length && text[at] !== quote; at += 1) if (text[at] === backslash) at += 1;
        break;
      case openBracket:
      case openBrace:
        levels += 1;
        values += 1;
        if (values > maxValues || levels > maxLevels) return false;
        break;
      case closeBracket:
      case closeBrace:
        levels -= 1;
        break;
      case comma:
        values += 1;
        if (values > maxValues) return false;
        break;
      case colon:
        names += 1;
        distinctBytes += nameBytes(distinct, text, from, at);
        from = at;
        if (names > maxNames || distinct.size > maxDistinctNames || distinctBytes > maxDistinctNameBytes) return false;
    }
  }
  return values <= maxValues;
}

/** The bytes of a name that was not read before, with what stands around it; 0 for one that was. */
function nameBytes(read: Set<number>, text: Uint8Array, from: number, to: number): number {
  const hash = hashOf(text, from, to);
  if (read.has(hash)) return 0;
  read.add(hash);
  return to - from;
}

/** Of the bytes of a name, in 30 bits, which a set holds without boxes. Names of one hash count once, which does no harm. */
function hashOf(text: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = imul(hash ^ (text[at] ?? 0), 0x01000193);
  return hash >>> 2;
}

/** Limits for the text of a JSON document, checked before it is parsed. */
export interface JsonTextBounds {
  /** Values in the whole document. An array or object counts as well as its contents; an empty one counts twice. */
  maxValues: number;
  /** Property names in all objects; these take most of the parsing time. */
  maxNames: number;
  /** Distinct names. A name that was read before takes only a fraction of the time. */
  maxDistinctNames: number;
  /** UTF-8 bytes of all distinct names together. */
  maxDistinctNameBytes: number;
  /** Nesting depth of arrays and objects. */
  maxLevels: number;
}

/** Read once: in the workflow sandbox, each access to a global takes longer than the multiplication. */
const { imul } = Math;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Whether a JSON document in UTF-8 is within bounds. Stops scanning at the first bound that is exceeded. */
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

/** Bytes of a name, including the characters around it; 0 if the name was read before. */
function nameBytes(read: Set<number>, text: Uint8Array, from: number, to: number): number {
  const hash = hashOf(text, from, to);
  if (read.has(hash)) return 0;
  read.add(hash);
  return to - from;
}

/**
 * 30-bit hash of a name's bytes; a `Set` stores integers of that size unboxed. Names with equal hashes count as one,
 * which does no harm.
 */
function hashOf(text: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at += 1) hash = imul(hash ^ (text[at] ?? 0), 0x01000193);
  return hash >>> 2;
}

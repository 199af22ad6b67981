/** For the first byte of a non-ASCII character: how many bytes follow, and the range of the second byte. */
function shapeOf(first: number): { more: number; low: number; high: number } | undefined {
  if (first < 0xc2 || first > 0xf4) return undefined;
  if (first < 0xe0) return { more: 1, low: 0x80, high: 0xbf };
  if (first < 0xf0) return { more: 2, low: first === 0xe0 ? 0xa0 : 0x80, high: first === 0xed ? 0x9f : 0xbf };
  return { more: 3, low: first === 0xf0 ? 0x90 : 0x80, high: first === 0xf4 ? 0x8f : 0xbf };
}

/** Whether bytes are valid UTF-8. A decoder would silently replace invalid bytes with U+FFFD. */
export function isUtf8(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) {
    const first = bytes[at] ?? 0;
    if (first < 0x80) continue;
    const shape = shapeOf(first);
    if (shape === undefined) return false;
    let { low, high } = shape;
    for (let left = shape.more; left > 0; left -= 1) {
      at += 1;
      const next = bytes[at] ?? 0;
      if (next < low || next > high) return false;
      [low, high] = [0x80, 0xbf];
    }
  }
  return true;
}

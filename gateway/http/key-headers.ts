/** What an answer says, in its headers, of an order that is to be repeated under its key. */
export function keyHeaders(key: string): Record<string, string> {
  return { ...(/^[\x20-\x7e]+$/.test(key) && { 'runcomfy-temporal-key': key }), 'retry-after': '2' };
}

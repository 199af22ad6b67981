/** Headers of an answer that asks the caller to repeat an order under its key. */
export function keyHeaders(key: string): Record<string, string> {
  return { ...(/^[\x20-\x7e]+$/.test(key) && { 'runcomfy-temporal-key': key }), 'retry-after': '2' };
}

/** Parses a URL, a relative one against `base`; undefined for anything else. */
export function parseUrl(text: string, base?: string): URL | undefined {
  // Not `URL.canParse`: after many calls, Node 20 rejects hosts with letters such as "ü".
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

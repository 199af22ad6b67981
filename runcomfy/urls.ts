/** Parses a URL, a relative one against `base`; undefined for anything else. */
export function parseUrl(text: string, base?: string): URL | undefined {
  // Not `URL.canParse`: once it is called often, Node 20 takes letters such as "ü" in a host for none.
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

/** Parses an absolute URL; undefined for anything else. */
export function parseUrl(text: string): URL | undefined {
  // Not `URL.canParse`: once it is called often, Node 20 takes letters such as "ü" in a host for none.
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

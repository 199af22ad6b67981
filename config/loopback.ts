/**
 * Whether a host, as written in URLs, is this machine: nobody can read along on the way there, and no proxy is used.
 */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

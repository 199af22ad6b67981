/** Whether a host, as URLs write it, is this machine: nobody is on the way there, and no proxy either. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

import { parseUrl } from '../urls.ts';
import { isPrivateHost } from './public-host.ts';

const defaultPorts: Record<string, string> = { 'http:': '80', 'https:': '443' };

/**
 * Whether a URL's host is one of those that may be private or use plain http. An entry is `host` or `host:port` and
 * matches exactly.
 */
export function isAllowedHost({ protocol, hostname, port, host }: URL, allowed: readonly string[]): boolean {
  return (
    allowed.includes(host) || allowed.includes(`${hostname}:${port === '' ? (defaultPorts[protocol] ?? '') : port}`)
  );
}

/**
 * Why no webhook may be sent to this URL, or undefined if one may: it must be `https:`, without login and fragment, and
 * on a host that can be public, unless the host is allowed by name. The addresses that a name resolves to are checked
 * at each connection. No message repeats the URL, whose query may hold a secret.
 */
export function refuseWebhookUrl(text: string, allowedHosts: readonly string[]): string | undefined {
  const url = parseUrl(text);
  if (!url) return 'expected an https:// URL, got no URL';
  if (url.username !== '' || url.password !== '') return 'expected an https:// URL without login';
  if (url.hash !== '') return 'expected an https:// URL without fragment';
  if (url.port === '0') return 'expected an https:// URL with a port above 0';
  if (!/^https?:$/.test(url.protocol)) return `expected an https:// URL, got one with ${url.protocol}//`;
  if (isAllowedHost(url, allowedHosts)) return undefined;
  if (url.protocol !== 'https:')
    return 'expected an https:// URL; plain http is for hosts of RUNCOMFY_WEBHOOK_ALLOW_HOSTS';
  if (!isPrivateHost(url.hostname)) return undefined;
  return `expected an https:// URL on the public internet; ${url.hostname} is not, nor in RUNCOMFY_WEBHOOK_ALLOW_HOSTS`;
}

import ipaddr from 'ipaddr.js';
import { parseUrl } from '../urls.ts';

const privateNames = ['localhost', 'local', 'internal', 'localdomain', 'lan', 'intranet', 'home.arpa'];

/** The parser repairs spaces, backslashes and missing slashes; whoever fetches the URL may not. */
const strictUrl = /^[a-z][a-z0-9+.-]*:\/\/[^\s\\/][^\s\\]*$/i;

/** Why RunComfy could not fetch media from this URL, or undefined: it must be public, `https:` and without a login. */
export function refuseMediaUrl(text: string): string | undefined {
  if (/^data:/i.test(text)) return 'expected a public https:// URL, got a data: URI; upload the file and give its URL';
  const url = strictUrl.test(text) ? parseUrl(text) : undefined;
  if (!url) return 'expected a public https:// URL, got no URL';
  if (url.protocol !== 'https:') return `expected a public https:// URL, got one with ${url.protocol}//`;
  if (url.username !== '' || url.password !== '') {
    return 'expected a public https:// URL, got one with a user name or password in it';
  }
  if (isPrivateHost(url.hostname)) {
    return `expected a public https:// URL, got one on ${url.hostname}, which RunComfy cannot reach`;
  }
  return undefined;
}

/**
 * Whether a host cannot be on the public internet: loopback, private and other special addresses in every spelling that
 * the URL parser understands, names kept for local networks, and names without a dot.
 */
function isPrivateHost(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  // `process` turns an IPv6 address that maps an IPv4 one into the latter.
  if (ipaddr.isValid(host)) return ipaddr.process(host).range() !== 'unicast';
  if (!host.includes('.')) return true;
  return privateNames.some((name) => host === name || host.endsWith(`.${name}`));
}

import ipaddr from 'ipaddr.js';
import { parseUrl } from '../urls.ts';
import { bareHost, isPrivateHost } from './public-host.ts';

/** The URL parser repairs spaces, backslashes and missing slashes; the server that fetches the URL may not. */
const strictUrl = /^[a-z][a-z0-9+.-]*:\/\/[^\s\\/][^\s\\]*$/i;

/**
 * The host and port of an API base on loopback, undefined for any other. A RunComfy there, i.e. a simulator, can fetch
 * files from its own host, so that one simulated output can feed the next model.
 */
export function loopbackHostOf(modelApiBase: string | undefined): string | undefined {
  const url = modelApiBase === undefined ? undefined : parseUrl(modelApiBase);
  if (!url) return undefined;
  const host = bareHost(url.hostname);
  const isLoopback = ipaddr.isValid(host) ? ipaddr.process(host).range() === 'loopback' : host === 'localhost';
  return isLoopback ? url.host : undefined;
}

/**
 * Why RunComfy could not fetch media from this URL, or undefined if it could: the URL must be public, `https:` and
 * without a login, or on `loopbackHost`.
 */
export function refuseMediaUrl(text: string, loopbackHost?: string): string | undefined {
  if (/^data:/i.test(text)) return 'expected a public https:// URL, got a data: URI; upload the file and give its URL';
  const url = strictUrl.test(text) ? parseUrl(text) : undefined;
  if (!url) return 'expected a public https:// URL, got no URL';
  if (loopbackHost !== undefined && url.host === loopbackHost && url.username === '' && url.password === '') {
    return /^https?:$/.test(url.protocol) ? undefined : `expected an http:// URL, got one with ${url.protocol}//`;
  }
  if (url.protocol !== 'https:') return `expected a public https:// URL, got one with ${url.protocol}//`;
  if (url.username !== '' || url.password !== '') {
    return 'expected a public https:// URL, got one with a user name or password in it';
  }
  if (isPrivateHost(url.hostname)) {
    return `expected a public https:// URL, got one on ${url.hostname}, which RunComfy cannot reach`;
  }
  return undefined;
}

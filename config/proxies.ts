import { withoutUndefined } from '../domain/json.ts';

/** Proxies as undici takes them; the URLs may hold credentials. */
export interface ProxyUrls {
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
}

/** The proxies of the environment. The object holds no credentials, so it may be logged. */
export interface ProxySetting {
  /** For humans, e.g. `https://proxy.example:3128 (HTTPS_PROXY)`. */
  shown: string[];
  /** Hosts that are reached directly. */
  direct?: string;
  urls: () => ProxyUrls;
}

/**
 * Reads the usual variables. The lower-case spelling takes precedence, as in curl. Adds to `problems` what is wrong.
 */
export function parseProxies(env: NodeJS.ProcessEnv, problems: string[]): ProxySetting | undefined {
  const https = parseProxy(env, 'HTTPS_PROXY', problems);
  const http = parseProxy(env, 'HTTP_PROXY', problems);
  const direct = pick(env, 'NO_PROXY')?.value;
  if (!https && !http) return undefined;
  return {
    shown: [https, http].flatMap((proxy) => (proxy ? [proxy.shown] : [])),
    ...(direct !== undefined && { direct }),
    urls: () => withoutUndefined({ httpsProxy: https?.href, httpProxy: http?.href, noProxy: direct }),
  };
}

function parseProxy(env: NodeJS.ProcessEnv, variable: string, problems: string[]) {
  const found = pick(env, variable);
  if (!found) return undefined;
  const { name, value } = found;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || `${url.pathname}${url.search}${url.hash}` !== '/') {
    // The value is not shown, because it may hold a password.
    problems.push(`${name}: expected the URL of an HTTP proxy, such as http://proxy.example:3128.`);
    return undefined;
  }
  return { href: url.href, shown: `${url.origin} (${name})` };
}

function pick(env: NodeJS.ProcessEnv, variable: string): { name: string; value: string } | undefined {
  for (const name of [variable.toLowerCase(), variable]) {
    const value = env[name]?.trim() ?? '';
    if (value !== '') return { name, value };
  }
  return undefined;
}

import { createDispatchers, type ProxySettings } from './http/dispatchers.ts';
import { requestUnlessAborted } from './http/request-unless-aborted.ts';
import { parseUrl } from './urls.ts';

const ownDomains = ['.runcomfy.net', '.runcomfy.com'];
const withinMs = 3_000;
const unlimited = -1;
const goneCodes = [403, 404, 410];

/**
 * Creates a check of whether an output file is gone: one HEAD without the token and within 3 s, sent only to RunComfy's
 * own hosts and the host of the Model API. Only 403, 404 and 410 mean gone; on other replies, errors and timeouts the
 * file counts as still there.
 */
export function createOutputCheck({
  modelApiBase,
  proxies,
}: {
  modelApiBase: string;
  proxies?: ProxySettings | undefined;
}): (url: string) => Promise<boolean> {
  const apiHost = parseUrl(modelApiBase)?.host;
  return async (url) => {
    const target = parseUrl(url);
    if (target === undefined || target.username !== '' || target.password !== '') return false;
    const isOwn = target.protocol === 'https:' && ownDomains.some((domain) => target.hostname.endsWith(domain));
    const isApi = target.host === apiHost && /^https?:$/.test(target.protocol);
    if (!isOwn && !isApi) return false;
    const dispatchers = createDispatchers(unlimited, proxies);
    try {
      const { origin, pathname, search } = target;
      const signal = AbortSignal.timeout(withinMs);
      const head = { origin, path: `${pathname}${search}`, method: 'HEAD', signal } as const;
      const { statusCode, body } = await requestUnlessAborted(dispatchers.pool(new URL(origin), withinMs), head);
      await body.dump();
      return goneCodes.includes(statusCode);
    } catch {
      return false;
    } finally {
      void dispatchers.close({ isAbrupt: true }).catch(() => undefined);
    }
  };
}

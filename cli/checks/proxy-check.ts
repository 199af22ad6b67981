import type { Config } from '../../config/env.ts';
import { createDispatchers } from '../../runcomfy/http/dispatchers.ts';
import { requestUnlessAborted } from '../../runcomfy/http/request-unless-aborted.ts';
import { describeError } from '../../runcomfy/token/scrub.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Finding } from './health-checks.ts';

const withinMs = 5_000;
/** Generous, since the content does not matter: any reply proves that the proxy works. */
const maxReplyBytes = 1024 * 1024;

/**
 * If proxies are configured, checks that RunComfy answers through them. No token is sent, and no credentials are shown.
 */
export async function checkProxies({ modelApiBase, proxies }: Config): Promise<Finding[]> {
  if (!proxies) return [];
  const check = 'proxies';
  const { origin, host } = new URL(modelApiBase);
  const direct = proxies.direct === undefined ? '' : `; not for ${proxies.direct}`;
  const used = `${proxies.shown.join(' and ')}${direct}`;
  const dispatchers = createDispatchers(maxReplyBytes, proxies.urls());
  try {
    const signal = AbortSignal.timeout(withinMs);
    const head = { origin, path: '/', method: 'HEAD', signal } as const;
    const { body } = await requestUnlessAborted(dispatchers.pool(new URL(origin), withinMs), head);
    await body.dump();
    return [{ check, status: 'ok', message: `${host} answers with ${used}` }];
  } catch (error) {
    const message = `no answer from ${host} with ${used}: ${describeError(error).message}`;
    const fix =
      'check that the proxy is up and lets this host through, and NODE_EXTRA_CA_CERTS where it has a certificate authority of its own';
    return [{ check, status: 'failed', message, fix, exitCode: exitCodes.unavailable }];
  } finally {
    await dispatchers.close({ isAbrupt: true });
  }
}

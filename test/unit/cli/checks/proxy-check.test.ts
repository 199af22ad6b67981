import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkProxies } from '../../../../cli/checks/proxy-check.ts';
import { readConfig } from '../../../../config/env.ts';
import { reply, serve, serveTcp } from '../../../support/http-servers.ts';
import { serveProxy, type TunnelFault } from '../../../support/proxy.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const plain = { RUNCOMFY_MODEL_API_BASE: 'http://model-api.example/v1', RUNCOMFY_API_TOKEN: 'sim-proxy-check' };
const check = (proxy: string) => checkProxies(readConfig({ ...plain, HTTP_PROXY: proxy }));

describe('the check of proxies', () => {
  it('says whether RunComfy answers through them, whatever it says', async () => {
    const server = await serve((response) => {
      reply(response, 404, '');
    });
    const proxy = await serveProxy(server.port);
    expect(await check(proxy.url)).toMatchObject([{ check: 'proxies', status: 'ok' }]);
  });

  it.each(['refuses', 'hangs up'] satisfies TunnelFault[])('asks one once that %s', async (how) => {
    const proxy = await serveProxy(how);
    expect(await check(proxy.url)).toMatchObject([{ check: 'proxies', status: 'failed' }]);
    expect(proxy.tunnels).toHaveLength(1);
  });

  it('waits 5 s for one that says nothing, and leaves nothing open', async () => {
    const proxy = await serveTcp(() => undefined);
    const hurried = AbortSignal.timeout(100);
    const limits = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(hurried);
    const since = performance.now();
    const findings = await check(`http://127.0.0.1:${String(proxy.port)}`);
    expect(findings).toMatchObject([{ status: 'failed', message: expect.stringContaining('timeout') }]);
    expect(performance.now() - since).toBeLessThan(4_000);
    expect(limits.mock.calls).toEqual([[5_000]]);
  });
});

import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { testHangMs } from '../../support/patience.ts';

it('whoever leaves while a call is held for its limit is not waited for', { timeout: testHangMs }, async () => {
  const { access, headers } = withKey({ requestsPerMinute: 1 });
  const waits: AbortSignal[] = [];
  const result = async ({ signal }: { signal: AbortSignal }) => {
    waits.push(signal);
    if (!signal.aborted) await once(signal, 'abort');
    throw signal.reason;
  };
  const state = () => Promise.resolve({ phase: 'running' });
  const handle = { key: 'acme/b', runId: 'r', state, isEnded: () => Promise.resolve(false), result };
  const leaving = new AbortController();
  const authenticate: typeof access.authenticate = async (request) => {
    const principal = await access.authenticate(request);
    if (request.url.includes('wait'))
      setImmediate().then(
        () => leaving.abort(),
        () => undefined,
      );
    return principal;
  };
  const batches = { get: () => Promise.resolve(handle) };
  const url = await serve({ ...access, authenticate }, { generations: { batches } });
  await fetch(`${url}/api/v1/whoami`, { headers });
  const held = fetch(`${url}/api/v1/batches/b/result?wait=60s`, { headers, signal: leaving.signal });
  await expect(held).rejects.toThrow('aborted');
  await eventually(() => {
    expect(waits.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

import { expect, it, vi } from 'vitest';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';

it('counts the calls of a minute, however the clock of its machine is set', async () => {
  const { access, headers } = withKey({ requestsPerMinute: 100 });
  const url = await serve(access);
  const limitsToldIn = async (seconds: number, byItsClock: number) => {
    const [now, monotonic] = [Date.now(), performance.now()];
    vi.spyOn(Date, 'now').mockReturnValue(now + byItsClock * 1_000);
    vi.spyOn(performance, 'now').mockReturnValue(monotonic + seconds * 1_000);
    const { headers: told } = await call(url, '/api/v1/whoami', { headers });
    return [told['ratelimit-remaining'], told['ratelimit-reset']];
  };
  expect(await limitsToldIn(0, 0)).toEqual(['99', '60']);
  expect(await limitsToldIn(20, -3_600)).toEqual(['98', '40']);
  expect(await limitsToldIn(30, 3_620)).toEqual(['97', '10']);
  expect(await limitsToldIn(11, -3_600)).toEqual(['99', '60']);
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type FaultRule, startSimulator } from '../../../simulator/index.ts';
import { hangMs } from '../../support/patience.ts';
import { flux, kling, klingInput, startTestSimulator, type TestSimulator } from '../../support/simulator-client.ts';

describe('fault rules', () => {
  async function statuses({ call }: TestSimulator, id: string, count: number): Promise<number[]> {
    const seen = [];
    for (let read = 0; read < count; read += 1) seen.push((await call('GET', `/v1/requests/${id}/status`)).status);
    return seen;
  }

  it('strike a number of times, after some calls, in their order', async () => {
    const test = await startTestSimulator();
    const id = await test.submit();
    test.sim.setFaults([
      { fault: 'http-5xx', step: 'status', skip: 1, times: 2, httpStatus: 502 },
      { fault: 'http-5xx', step: 'status', times: 1, httpStatus: 504 },
    ]);
    expect(await statuses(test, id, 5)).toEqual([504, 502, 502, 200, 200]);
  });

  it('strike one model or one request alone', async () => {
    const test = await startTestSimulator();
    const [first, second, third] = [await test.submit(), await test.submit(), await test.submit(kling, klingInput)];
    test.sim.setFaults([
      { fault: 'http-5xx', step: 'status', requestId: first, httpStatus: 503 },
      { fault: 'http-5xx', step: 'status', model: kling, httpStatus: 504 },
    ]);
    expect([
      ...(await statuses(test, first, 1)),
      ...(await statuses(test, second, 1)),
      ...(await statuses(test, third, 1)),
    ]).toEqual([503, 200, 504]);
  });

  it('strike with a probability that the seed repeats', async () => {
    const pattern = async (seed: number) => {
      const test = await startTestSimulator({ seed });
      const id = await test.submit();
      test.sim.setFaults([{ fault: 'http-5xx', step: 'status', probability: 0.5 }]);
      return (await statuses(test, id, 40)).join(' ');
    };
    const first = await pattern(1);
    expect(first).toContain('502');
    expect(first).toContain('200');
    expect(await pattern(1)).toBe(first);
    expect(await pattern(2)).not.toBe(first);
  });

  it('count only calls that they could have spoiled', async () => {
    const { sim, clock, submit, result } = await startTestSimulator();
    const id = await submit();
    sim.setFaults([{ fault: 'result-lags', step: 'result', times: 2 }]);
    expect((await result(id))['status']).toBe('in_queue');
    expect(sim.faults()).toMatchObject([{ seen: 0, fired: 0 }]);
    clock.tick(2_000);
    const words = [];
    for (let read = 0; read < 3; read += 1) words.push((await result(id))['status']);
    expect(words).toEqual(['in_progress', 'in_progress', 'succeeded']);
  });

  it('strike until everything is released, and keep the answers that they delay', async () => {
    const { sim, submit, status, call, jobOf } = await startTestSimulator();
    sim.setFaults([
      { fault: 'accept-then-delay', step: 'submit', untilReleased: true },
      { fault: 'delay', step: 'status', untilReleased: true },
      { fault: 'http-5xx', step: 'balance', untilReleased: true },
    ]);
    const submitted = submit();
    await expect.poll(() => sim.ledger().totals.accepted).toBe(1);
    const [job] = sim.ledger().jobs;
    const read = status(job?.id ?? '');
    await expect.poll(() => sim.events().filter(({ step }) => step === 'status').length).toBe(1);
    for (let again = 0; again < 2; again += 1) expect((await call('GET', '/prod/v2/balance')).status).toBe(502);
    expect(await Promise.race([submitted, read, call('GET', '/__sim/healthz')])).toMatchObject({ status: 200 });

    await call('POST', '/__sim/release', { body: { requestIds: [job?.id] } });
    expect(await Promise.race([submitted, read, call('GET', '/__sim/healthz')])).toMatchObject({ status: 200 });
    sim.release();
    expect(jobOf(await submitted).id).toBe(job?.id);
    expect(await read).toMatchObject({ status: 'in_queue' });
    expect((await call('GET', '/prod/v2/balance')).status).toBe(200);
    expect(await status(await submit())).toMatchObject({ status: 'in_queue' });
    expect(sim.faults()).toMatchObject([{ fired: 1 }, { fired: 1 }, { fired: 2 }]);
  });

  it('let the answers go that they hold when they are taken away', async () => {
    const { sim, submit } = await startTestSimulator();
    sim.setFaults([{ fault: 'accept-then-delay', step: 'submit', untilReleased: true }]);
    const submitted = submit();
    await expect.poll(() => sim.ledger().totals.accepted).toBe(1);
    sim.setFaults([]);
    expect(await submitted).not.toBe('');
  });

  it('leave a submit alone that is refused anyway', async () => {
    const { sim, call } = await startTestSimulator();
    sim.setFaults([{ fault: 'accept-then-502', step: 'submit', times: 1 }]);
    expect((await call('POST', `/v1/models/${flux}`, { body: {} })).status).toBe(422);
    expect((await call('POST', `/v1/models/${flux}`, { body: { prompt: 'x' } })).status).toBe(502);
    expect(sim.ledger().totals).toMatchObject({ submits: 2, accepted: 1 });
  });

  it.each<[unknown, RegExp]>([
    [[{ fault: 'no-such', step: 'submit' }], /no fault "no-such"/],
    [[{ fault: 'cancel-race', step: 'submit' }], /"cancel-race" does not apply to step "submit", only to cancel/],
    [[{ fault: 'reset', step: 'everywhere' }], /Fault rules must be a list/],
    [[{ fault: 'reset', step: 'status', tmies: 1 }], /tmies/],
    [{ fault: 'reset' }, /must be a list/],
  ])('refuse %j and change nothing', async (rules, message) => {
    const { sim, call } = await startTestSimulator();
    sim.setFaults([{ fault: 'reset', step: 'balance' }]);
    const { status, json } = await call('PUT', '/__sim/faults', { body: rules });
    expect(status).toBe(400);
    expect(json['error']).toMatch(message);
    expect(sim.faults()).toMatchObject([{ fault: 'reset', step: 'balance' }]);
    await expect(startSimulator({ faults: rules as FaultRule[] })).rejects.toThrow(message);
  });

  it('can be set, read and listed over HTTP', async () => {
    const { call } = await startTestSimulator();
    const rules = [{ id: 'r1', fault: 'reset', step: 'status', times: 1 }];
    expect((await call('PUT', '/__sim/faults', { body: rules })).json).toEqual([{ ...rules[0], seen: 0, fired: 0 }]);
    expect((await call('GET', '/__sim/faults')).status).toBe(200);
    expect((await call('GET', '/__sim/fault-names')).json).toContainEqual({
      name: 'cancel-race',
      group: 8,
      steps: ['cancel'],
      sentence: expect.any(String),
    });
  });
});

describe('redirects', () => {
  it('lead to a place that notes whether the token came along', async () => {
    const { sim } = await startTestSimulator();
    sim.setFaults([{ fault: 'redirect-307', step: 'balance' }]);
    await fetch(`${sim.serverlessApiBase}/balance`, { headers: { authorization: 'Bearer sim-test' } });
    await fetch(`${sim.url}/__sim/elsewhere/x`, { headers: { authorization: 'Bearer sim-test' } });
    const strays = sim.events().filter(({ what }) => what === 'redirect followed');
    expect(strays.map(({ hasToken }) => hasToken)).toEqual([false, true]);
  });
});

describe('an outage', () => {
  it('refuses connections, resets open ones and ends by itself', async () => {
    const { sim, submit, status } = await startTestSimulator();
    const id = await submit();
    await sim.outage(hangMs);
    await expect(status(id)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await sim.outage(1);
    await expect.poll(() => status(id).catch(() => ({}))).toMatchObject({ status: 'in_queue' });
  });

  it('can take connections and reset them', async () => {
    const { sim, submit, status, call } = await startTestSimulator();
    const id = await submit();
    const open = connect(sim.port, '127.0.0.1');
    await once(open, 'connect');
    const closed = new Promise((resolve) => {
      open.on('error', () => undefined).on('close', resolve);
    });
    expect((await call('POST', '/__sim/outage', { body: { ms: hangMs, mode: 'reset' } })).status).toBe(200);
    await closed;
    await expect(status(id)).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) },
    });
    await sim.outage(1, 'reset');
    await expect.poll(() => status(id).catch(() => ({}))).toMatchObject({ status: 'in_queue' });
  });
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FaultRule, scenarios, startSimulator } from '../../../simulator/index.ts';
import { flux, kling, klingInput, startTestSimulator, type TestSimulator } from '../../support/simulator-client.ts';

describe('the ledger', () => {
  it('has the facts of every job and the totals, over HTTP as in process', async () => {
    const { sim, clock, submit, status, result, cancel, call } = await startTestSimulator();
    const start = clock.now();
    const id = await submit(kling, klingInput);
    await status(id);
    clock.tick(2_500);
    await result(id);
    await status(id);
    await cancel(id);
    await submit();
    const { json } = await call('GET', '/__sim/ledger');
    expect(json).toEqual(sim.ledger());
    expect(json['totals']).toEqual({
      accepted: 2,
      charged: 1,
      chargedUsd: 1.26,
      byState: { in_queue: 1, in_progress: 0, succeeded: 1, failed: 0, cancelled: 0 },
      submits: 2,
      statusReads: 2,
      resultReads: 1,
      cancels: 1,
      catalogueReads: 0,
      balanceReads: 0,
      fileReads: 0,
      fileReadsWithToken: 0,
    });
    expect(sim.ledger().jobs[0]).toMatchObject({
      id,
      model: kling,
      state: 'succeeded',
      acceptedAt: start,
      startedAt: start + 1_000,
      finishedAt: start + 2_000,
      firstTerminalReadAt: start + 2_500,
      chargedUsd: 1.26,
      chargedMicrodollars: 1_260_000,
      statusCalls: 2,
      resultCalls: 1,
      cancelCalls: 1,
      input: klingInput,
    });
    expect((await call('GET', '/__sim/ledger?jobs=0')).json).toMatchObject({ jobs: [], totals: { accepted: 2 } });
  });

  it("keeps the submit's headers that matter, and of the token only the beginning of its digest", async () => {
    const { sim, call } = await startTestSimulator();
    const headers = { 'idempotency-key': 'k1', 'x-runcomfy-client': 'test', cookie: 'no' };
    await call('POST', `/v1/models/${flux}`, { body: { prompt: 'x' }, headers, token: 'sim-very-secret' });
    expect(sim.ledger().jobs[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'k1',
      'x-runcomfy-client': 'test',
      authorization: expect.stringMatching(/^sha256:[0-9a-f]{12}$/),
    });
    expect(sim.ledger().jobs[0]?.headers).not.toHaveProperty('cookie');
    expect(JSON.stringify([sim.ledger(), sim.events()])).not.toContain('very-secret');
  });

  it.each([
    [{ duration: 10, generate_audio: true }, 1.26],
    [{ duration: 10, generate_audio: false }, 0.84],
    [{ duration: 3, generate_audio: false }, 0.252],
    [{ duration: 15 }, 1.89],
  ])('charges Kling %j with $%d', async (extra, usd) => {
    const { clock, submit, jobOf } = await startTestSimulator();
    const id = await submit(kling, { ...klingInput, ...extra });
    clock.tick(2_000);
    expect(jobOf(id).chargedUsd).toBe(usd);
  });

  it('sums micro-dollars exactly, below zero too', async () => {
    const { sim, clock, submit, call } = await startTestSimulator({ switches: { max_parallel: 100 } });
    sim.setBalance('sim-test', 0.1);
    for (let count = 0; count < 30; count += 1) await submit();
    clock.tick(2_000);
    expect(sim.ledger({ withJobs: false })).toMatchObject({
      totals: { charged: 30, chargedUsd: 0.3 },
      wallets: [{ balanceUsd: -0.2, balanceMicrodollars: -200_000 }],
    });
    expect((await call('POST', `/v1/models/${flux}`, { body: { prompt: 'x' } })).status).toBe(402);
  });

  it('counts calls that were spoiled, and downloads that carried a token', async () => {
    const { sim, clock, submit, result, call, status } = await startTestSimulator();
    const id = await submit();
    sim.setFaults([{ fault: 'reset', step: 'status', times: 1 }]);
    await expect(status(id)).rejects.toThrow();
    clock.tick(2_000);
    const path = new URL(((await result(id))['output'] as { image: string }).image).pathname;
    await call('GET', path, { token: null });
    await call('GET', path);
    expect(sim.ledger().totals).toMatchObject({ statusReads: 1, fileReads: 2, fileReadsWithToken: 1 });
    expect(sim.traffic()).toEqual([
      { second: clock.now() / 1000 - 2, submit: 1, status: 1 },
      { second: clock.now() / 1000, result: 1, file: 2 },
    ]);
  });
});

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
    await sim.outage(300);
    await expect(status(id)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await expect.poll(() => status(id).catch(() => ({})), { timeout: 10_000 }).toMatchObject({ status: 'in_queue' });
  });

  it('can take connections and reset them', async () => {
    const { sim, submit, status, call } = await startTestSimulator();
    const id = await submit();
    const open = connect(sim.port, '127.0.0.1');
    await once(open, 'connect');
    const closed = new Promise((resolve) => {
      open.on('error', () => undefined).on('close', resolve);
    });
    expect((await call('POST', '/__sim/outage', { body: { ms: 300, mode: 'reset' } })).status).toBe(200);
    await closed;
    await expect(status(id)).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) },
    });
    await expect.poll(() => status(id).catch(() => ({})), { timeout: 10_000 }).toMatchObject({ status: 'in_queue' });
  });
});

describe('the control API', () => {
  it('says that it is there, lists events, scenarios and switches, and sets balances and the clock', async () => {
    const { sim, submit, call, jobOf } = await startTestSimulator();
    expect((await call('GET', '/__sim/healthz')).json).toEqual({ status: 'ok' });
    const id = await submit();
    const events = (await call('GET', '/__sim/events')).json['events'] as { number: number; what: string }[];
    expect(events.map(({ what }) => what)).toEqual(['job accepted', 'request']);
    expect((await call('GET', `/__sim/events?after=${String(events[0]?.number)}`)).json['events']).toHaveLength(1);
    expect((await call('PUT', '/__sim/balance', { body: { token: 'sim-test', usd: 7 } })).status).toBe(200);
    expect((await call('GET', '/prod/v2/balance')).json['balance_usd']).toBe(7);
    expect((await call('POST', '/__sim/clock', { body: { advanceMs: 2_000 } })).status).toBe(200);
    expect(jobOf(id).state).toBe('succeeded');
    expect((await call('GET', '/__sim/scenarios')).json).toContainEqual({
      name: 'normal',
      sentence: expect.any(String),
    });
    expect((await call('GET', '/__sim/switches')).json).toEqual(sim.switches());
    expect((await call('GET', '/__sim/profiles')).json).toEqual(sim.profiles());
    expect((await call('GET', '/__sim/traffic')).json['seconds']).toHaveLength(1);
  });

  it.each([
    ['POST', 'release', 'not json'],
    ['POST', 'clock', '{}'],
    ['POST', 'outage', '{"ms":"long"}'],
    ['PUT', 'scenario', '{"name":"no-such"}'],
    ['PUT', 'faults', ''],
  ])('answers 400 to %s %s with %j', async (method, name, body) => {
    const { call } = await startTestSimulator();
    const answer = await call(method, `/__sim/${name}`, { body });
    expect(answer.status).toBe(400);
    expect(answer.json['error']).toEqual(expect.stringMatching(/./));
  });

  it('resets jobs, wallets, counters, events and faults, and keeps the settings', async () => {
    const { sim, submit, call } = await startTestSimulator({ switches: { submit_http: 202 } });
    sim.setFaults([{ fault: 'reset', step: 'status' }]);
    const id = await submit();
    expect((await call('POST', '/__sim/reset')).status).toBe(200);
    expect(sim.ledger()).toMatchObject({ jobs: [], totals: { submits: 0, accepted: 0 }, wallets: [] });
    expect(sim.faults()).toEqual([]);
    expect(sim.events()).toEqual([]);
    expect(sim.switches().submit_http).toBe(202);
    expect((await call('GET', `/v1/requests/${id}/status`)).status).toBe(404);
    expect(await submit()).not.toBe(id);
  });
});

describe('a seed', () => {
  it('repeats ids and times, in a new simulator and after a reset', async () => {
    const course = async ({ sim, clock, submit, jobOf }: TestSimulator) => {
      sim.setProfiles({ '*': { queueMs: [0, 5_000], runMs: [1_000, 90_000] } });
      const ids = [await submit(), await submit(), await submit()];
      clock.tick(200_000);
      return ids.map((id) => [id, (jobOf(id).finishedAt ?? 0) - jobOf(id).acceptedAt]);
    };
    const one = await startTestSimulator({ seed: 11 });
    const first = await course(one);
    expect(new Set(first.map(([, ms]) => ms)).size).toBe(3);
    expect(await course(await startTestSimulator({ seed: 11 }))).toEqual(first);
    expect(await course(await startTestSimulator({ seed: 12 }))).not.toEqual(first);
    one.sim.reset({ seed: 11 });
    expect(await course(one)).toEqual(first);
  });

  it('differs from start to start unless it is given', async () => {
    const ids = [];
    for (let start = 0; start < 2; start += 1) {
      const sim = await startSimulator();
      onTestFinished(() => sim.close());
      const response = await fetch(`${sim.modelApiBase}/models/${flux}`, {
        method: 'POST',
        headers: { authorization: 'Bearer sim-test' },
        body: '{"prompt":"x"}',
      });
      ids.push(((await response.json()) as { request_id: string }).request_id);
    }
    expect(new Set(ids).size).toBe(2);
  });
});

describe('scenarios', () => {
  it.each(scenarios.map(({ name }) => name))('%s can be started and set', async (name) => {
    const started = await startTestSimulator({ scenario: name });
    const later = await startTestSimulator();
    later.sim.setScenario(name);
    expect(later.sim.switches()).toEqual(started.sim.switches());
    expect(later.sim.faults()).toEqual(started.sim.faults());
  });

  it('are refused by an unknown name, with the names that there are', async () => {
    await expect(startSimulator({ scenario: 'no-such' })).rejects.toThrow(
      /no scenario "no-such"; there are normal, demo/,
    );
  });

  it('demo takes a job through queue and run in 11 seconds', async () => {
    const { sim, clock, submit, status } = await startTestSimulator();
    sim.setScenario('demo');
    const id = await submit(kling, klingInput);
    const words = [];
    for (const ms of [2_999, 1, 7_999, 1]) {
      clock.tick(ms);
      words.push((await status(id))['status']);
    }
    expect(words).toEqual(['in_queue', 'in_progress', 'in_progress', 'completed']);
  });
});

describe('starting', () => {
  it('listens on loopback and says where', async () => {
    const { sim } = await startTestSimulator();
    expect(sim.url).toBe(`http://127.0.0.1:${String(sim.port)}`);
    expect(sim).toMatchObject({ modelApiBase: `${sim.url}/v1`, serverlessApiBase: `${sim.url}/prod/v2` });
  });

  it('fails when the port is taken, and refuses a speed of nothing', async () => {
    const { sim } = await startTestSimulator();
    await expect(startSimulator({ port: sim.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(startSimulator({ speed: 0 })).rejects.toThrow(/speed must be above 0/);
  });

  it('tells every event to the log', async () => {
    const lines: string[] = [];
    const { submit } = await startTestSimulator({
      log: (line) => {
        lines.push(line);
      },
    });
    const id = await submit();
    expect(lines.map((line) => (JSON.parse(line) as { what: string }).what)).toEqual(['job accepted', 'request']);
    expect(lines[0]).toContain(id);
  });
});

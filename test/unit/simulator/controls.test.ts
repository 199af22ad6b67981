import { describe, expect, it, onTestFinished } from 'vitest';
import { scenarios, startSimulator } from '../../../simulator/index.ts';
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

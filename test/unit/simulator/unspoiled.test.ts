import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { FaultRule, Switches } from '../../../simulator/index.ts';
import { flux, startTestSimulator, type TestSimulator } from '../../support/simulator-client.ts';

const publicHost = 'https://files.example.com';

async function finished(test: TestSimulator): Promise<string> {
  const id = await test.submit();
  test.clock.tick(10_000);
  return id;
}

describe('a fault that would change nothing', () => {
  const cases: [fault: string, rule: Partial<FaultRule>, switches: Partial<Switches>][] = [
    ['untrusted-url', { location: publicHost }, { output_host: publicHost }],
    ['singular-only', {}, {}],
    ['plural-only', {}, { output_keys: 'plural' }],
    ['both', {}, { output_keys: 'both' }],
    ['cost-late', {}, { cost_delay: 5 }],
    ['other-model-id', { word: flux }, {}],
  ];

  it.each(cases)(
    '%s %j under %j does not count as fired, and leaves the call to the next rule',
    async (fault, rule, switches) => {
      const test = await startTestSimulator({ switches });
      const id = await finished(test);
      test.sim.setFaults([
        { fault, step: 'result', times: 1, ...rule },
        { fault: 'missing-status', step: 'result', times: 1 },
      ]);
      expect(await test.result(id)).not.toHaveProperty('status');
      expect(test.sim.faults()).toMatchObject([
        { seen: 0, fired: 0 },
        { seen: 1, fired: 1 },
      ]);
    },
  );

  it('is a spelling that the service uses anyway', async () => {
    const test = await startTestSimulator({ switches: { cancelled_spelling: 'canceled' } });
    const id = await test.submit();
    await test.cancel(id);
    test.sim.setFaults([{ fault: 'canceled-spelling', step: 'result' }]);
    expect(await test.result(id)).toMatchObject({ status: 'canceled' });
    expect(test.sim.faults()).toMatchObject([{ fired: 0 }]);
  });

  it('is a failure that the job has already', async () => {
    const test = await startTestSimulator({ switches: { error_shape: 'object' } });
    test.sim.setFaults([{ fault: 'job-fails', step: 'submit' }]);
    const id = await finished(test);
    test.sim.setFaults([
      { fault: 'result-failed', step: 'result', word: 'another reason' },
      { fault: 'error-object', step: 'result' },
    ]);
    await test.result(id);
    expect(test.sim.faults()).toMatchObject([{ fired: 0 }, { fired: 0 }]);
  });

  it('is a price that stays as it is, or a refused token that is refused anyway', async () => {
    const test = await startTestSimulator();
    test.sim.setFaults([
      { fault: 'price-changed', step: 'submit', factor: 1 },
      { fault: 'token-revoked', step: 'balance' },
    ]);
    await test.submit();
    await test.call('GET', '/prod/v2/balance', { token: 'wrong' });
    expect(test.sim.faults()).toMatchObject([{ fired: 0 }, { fired: 0 }]);
  });

  it('is a redirect to where the call went', async () => {
    const { sim, call } = await startTestSimulator();
    sim.setFaults([{ fault: 'redirect-307', step: 'balance', location: '/prod/v2/balance' }]);
    expect((await call('GET', '/prod/v2/balance')).status).toBe(200);
    expect(sim.faults()).toMatchObject([{ fired: 0 }]);
  });
});

describe('a fault moves away from wherever the service is', () => {
  it('files from the switched host', async () => {
    const test = await startTestSimulator({ switches: { output_host: publicHost } });
    const id = await finished(test);
    test.sim.setFaults([{ fault: 'untrusted-url', step: 'result' }]);
    expect(JSON.stringify(await test.result(id))).toContain('http://files.invalid/');
    expect(test.sim.faults()).toMatchObject([{ fired: 1 }]);
  });

  it('URLs from the public base', async () => {
    const { sim, call } = await startTestSimulator({ switches: { public_base: 'https://sim.example.com' } });
    sim.setFaults([{ fault: 'foreign-urls', step: 'submit' }]);
    const { json } = await call('POST', `/v1/models/${flux}`, { body: { prompt: 'A cat' } });
    expect(json['status_url']).toMatch(/^http:\/\/foreign\.invalid\//);
  });

  it.each([
    ['localhost', /^http:\/\/127\.0\.0\.1:\d+\/__sim\/elsewhere\//],
    ['simulator.example', /^http:\/\/elsewhere\.invalid\/__sim\/elsewhere\//],
  ])('a redirect of a call to %s', async (hostname, location) => {
    const { sim } = await startTestSimulator();
    sim.setFaults([{ fault: 'redirect-302', step: 'balance' }]);
    const headers = { host: `${hostname}:${String(sim.port)}` };
    const answered = await new Promise<string | undefined>((resolve, reject) => {
      httpRequest(`${sim.url}/prod/v2/balance`, { headers }, (reply) => {
        reply.resume();
        resolve(reply.headers.location);
      })
        .once('error', reject)
        .end();
    });
    expect(answered).toMatch(location);
  });
});

describe('a body that is too long', () => {
  it.each([false, true])('is answered 413, however long it is (sent in pieces: %s)', async (isInPieces) => {
    const { sim } = await startTestSimulator({ switches: { body_cap_bytes: 1_000 } });
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    const response = await fetch(`${sim.url}/v1/models/${flux}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sim-test' },
      body: isInPieces ? new Blob([body]).stream() : body,
      duplex: 'half',
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error_code: 400001 });
  });
});

import { describe, expect, it } from 'vitest';
import { fidelityStatement, startSimulator, type Switches, switchTable } from '../../../simulator/index.ts';
import { flux, kling, klingInput, startTestSimulator } from '../../support/simulator-client.ts';

type SwitchName = keyof Switches;
type Trial = Awaited<ReturnType<typeof startTestSimulator>>;

/** One value of a switch and what it changes for a caller. */
interface Case<Name extends SwitchName = SwitchName> {
  value: Switches[Name];
  shows: (trial: Trial) => Promise<void>;
}

const path = `/v1/models/${flux}`;
const body = { prompt: 'A cat' };

function badToken(status: number, code: number): Case['shows'] {
  return async ({ call }) => {
    const answer = await call('GET', '/prod/v2/balance', { token: 'not-simulated' });
    expect([answer.status, answer.json['error_code']]).toEqual([status, code]);
  };
}

function noBalance(status: number, code: number): Case['shows'] {
  return async ({ sim, call }) => {
    sim.setBalance('sim-test', -1);
    const answer = await call('POST', path, { body });
    expect([answer.status, answer.json['error_code']]).toEqual([status, code]);
  };
}

function submitAnswers(
  check: (answer: Awaited<ReturnType<Trial['call']>>) => void,
  input: object = body,
  model = flux,
): Case['shows'] {
  return async ({ call }) => {
    check(await call('POST', `/v1/models/${model}`, { body: input }));
  };
}

function finishedResult(match: Record<string, unknown>, missing: string[] = []): Case['shows'] {
  return async ({ clock, submit, result }) => {
    const id = await submit();
    clock.tick(2_000);
    const json = await result(id);
    expect(json).toMatchObject(match);
    for (const key of missing) expect(json).not.toHaveProperty(key);
  };
}

function failedResult(error: unknown): Case['shows'] {
  return async ({ sim, clock, submit, result }) => {
    sim.setFaults([{ fault: 'job-fails', step: 'submit', word: 'No luck.' }]);
    const id = await submit();
    clock.tick(2_000);
    expect(await result(id)).toMatchObject({ status: 'failed', error });
  };
}

function chargedAfter(charges: { submit: number; start: number; success: number }): Case['shows'] {
  return async ({ clock, submit, jobOf }) => {
    const id = await submit();
    expect(jobOf(id).chargedUsd).toBe(charges.submit);
    clock.tick(1_000);
    expect(jobOf(id).chargedUsd).toBe(charges.start);
    clock.tick(1_000);
    expect(jobOf(id).chargedUsd).toBe(charges.success);
  };
}

function failedCharge(usd: number): Case['shows'] {
  return async ({ sim, clock, submit, jobOf }) => {
    sim.setFaults([{ fault: 'job-fails', step: 'submit' }]);
    const id = await submit();
    clock.tick(2_000);
    expect(jobOf(id)).toMatchObject({ state: 'failed', chargedUsd: usd });
  };
}

function cancelledCharge(usd: number): Case['shows'] {
  return async ({ submit, cancel, jobOf }) => {
    const id = await submit();
    await cancel(id);
    expect(jobOf(id)).toMatchObject({ state: 'cancelled', chargedUsd: usd });
  };
}

function tooMany(check: (retryAfter: string | null) => void): Case['shows'] {
  return async ({ sim, call }) => {
    sim.setFaults([{ fault: 'rate-limited', step: 'submit' }]);
    const { status, headers } = await call('POST', path, { body });
    expect(status).toBe(429);
    check(headers.get('retry-after'));
  };
}

async function acceptedThen(trial: Trial, input: Record<string, unknown>, end: string, model = kling): Promise<void> {
  const id = await trial.submit(model, input);
  trial.clock.tick(2_000);
  expect((await trial.result(id))['status']).toBe(end);
}

const dataUri = { ...klingInput, start_image_url: 'data:image/png;base64,AAAA' };
const unreachable = { ...klingInput, start_image_url: 'https://nowhere.invalid/a.png' };

const cases: { [Name in SwitchName]: Case<Name>[] } = {
  submit_http: [
    {
      value: 200,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(200);
      }),
    },
    {
      value: 202,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(202);
      }),
    },
  ],
  submit_includes_status: [
    {
      value: false,
      shows: submitAnswers(({ json }) => {
        expect(json).not.toHaveProperty('status');
      }),
    },
    {
      value: true,
      shows: submitAnswers(({ json }) => {
        expect(json['status']).toBe('in_queue');
      }),
    },
  ],
  id_format: [
    {
      value: 'uuid4',
      shows: submitAnswers(({ json }) => {
        expect(json['request_id']).toHaveLength(36);
      }),
    },
    {
      value: 'opaque',
      shows: submitAnswers(({ json }) => {
        expect(json['request_id']).toMatch(/^[A-Za-z0-9_-]{24}$/);
      }),
    },
  ],
  failed_in_status: [false, true].map((value) => ({
    value,
    shows: async ({ sim, clock, submit, status, result }) => {
      sim.setFaults([{ fault: 'job-fails', step: 'submit' }]);
      const id = await submit();
      clock.tick(2_000);
      expect((await status(id))['status']).toBe(value ? 'failed' : 'completed');
      expect((await result(id))['status']).toBe('failed');
    },
  })),
  not_ready: [
    {
      value: 'state200',
      shows: async ({ submit, result }) => {
        expect(await result(await submit())).toMatchObject({ status: 'in_queue' });
      },
    },
    {
      value: 'err400005',
      shows: async ({ submit, call }) => {
        const answer = await call('GET', `/v1/requests/${await submit()}/result`);
        expect([answer.status, answer.json['error_code']]).toEqual([400, 400005]);
      },
    },
  ],
  success_word: [
    { value: 'succeeded', shows: finishedResult({ status: 'succeeded' }) },
    { value: 'completed', shows: finishedResult({ status: 'completed', output: expect.any(Object) as object }) },
  ],
  cancelled_spelling: (['cancelled', 'canceled'] as const).map((value) => ({
    value,
    shows: async ({ submit, cancel, status, result }) => {
      const id = await submit();
      expect(await cancel(id)).toMatchObject({ status: value, outcome: 'cancelled' });
      expect((await status(id))['status']).toBe(value);
      expect((await result(id))['status']).toBe(value);
    },
  })),
  error_shape: [
    { value: 'string', shows: failedResult('No luck.') },
    { value: 'object', shows: failedResult({ message: 'No luck.' }) },
    { value: 'array', shows: failedResult([{ error: 'No luck.' }]) },
  ],
  output_keys: [
    { value: 'auto', shows: finishedResult({ output: { image: expect.any(String) as string } }) },
    { value: 'singular', shows: finishedResult({ output: { image: expect.any(String) as string } }) },
    { value: 'plural', shows: finishedResult({ output: { images: [expect.any(String)] } }) },
    {
      value: 'both',
      shows: finishedResult({ output: { image: expect.any(String) as string, images: [expect.any(String)] } }),
    },
  ],
  errors_in_200: [
    { value: false, shows: badToken(401, 401001) },
    { value: true, shows: badToken(200, 401001) },
  ],
  echo_input: [
    { value: true, shows: finishedResult({ input: body }) },
    { value: false, shows: finishedResult({}, ['input']) },
  ],
  include_model_id: [
    { value: true, shows: finishedResult({ model_id: flux }) },
    { value: false, shows: finishedResult({}, ['model_id']) },
  ],
  cancel_status_field: (['current', 'completed'] as const).map((value) => ({
    value,
    shows: async ({ submit, cancel }) => {
      expect(await cancel(await submit())).toMatchObject({ status: value === 'current' ? 'cancelled' : value });
    },
  })),
  catalog_auth: (['required', 'none'] as const).map((value) => ({
    value,
    shows: async ({ call }) => {
      expect((await call('GET', '/v1/models', { token: null })).status).toBe(value === 'none' ? 200 : 401);
    },
  })),
  auth_style: [
    { value: '401+401001', shows: badToken(401, 401001) },
    { value: '400+400004', shows: badToken(400, 400004) },
    { value: '403', shows: badToken(403, 403003) },
  ],
  balance_style: [
    { value: '402', shows: noBalance(402, 400002) },
    { value: '400+400002', shows: noBalance(400, 400002) },
    { value: '400+10001', shows: noBalance(400, 10001) },
  ],
  unknown_model: [
    {
      value: '400+400001',
      shows: submitAnswers(
        ({ status, json }) => {
          expect([status, json['error_code']]).toEqual([400, 400001]);
        },
        body,
        'a/b',
      ),
    },
    {
      value: '404',
      shows: submitAnswers(
        ({ status }) => {
          expect(status).toBe(404);
        },
        body,
        'a/b',
      ),
    },
  ],
  retry_after: [
    {
      value: 'absent',
      shows: tooMany((header) => {
        expect(header).toBeNull();
      }),
    },
    {
      value: 'seconds',
      shows: tooMany((header) => {
        expect(header).toMatch(/^\d+$/);
      }),
    },
    {
      value: 'date',
      shows: tooMany((header) => {
        expect(header).toMatch(/ GMT$/);
      }),
    },
  ],
  validate: [
    {
      value: 'strict',
      shows: submitAnswers(
        ({ status }) => {
          expect(status).toBe(422);
        },
        { width: 1 },
      ),
    },
    { value: 'lax', shows: (trial) => acceptedThen(trial, { prompt: 'x', width: 1 }, 'failed', flux) },
  ],
  validation_http: [
    {
      value: 422,
      shows: submitAnswers(
        ({ status }) => {
          expect(status).toBe(422);
        },
        { width: 1 },
      ),
    },
    {
      value: 400,
      shows: submitAnswers(
        ({ status, json }) => {
          expect([status, json['error_code']]).toEqual([400, 422001]);
        },
        { width: 1 },
      ),
    },
  ],
  extra_keys: [
    {
      value: 'ignore',
      shows: submitAnswers(
        ({ status }) => {
          expect(status).toBe(200);
        },
        { ...body, wdith: 1 },
      ),
    },
    {
      value: 'reject',
      shows: submitAnswers(
        ({ status, json }) => {
          expect(status).toBe(422);
          expect(json['detail']).toMatchObject([{ loc: ['body', 'wdith'] }]);
        },
        { ...body, wdith: 1 },
      ),
    },
  ],
  media_rules: [
    { value: 'fail', shows: (trial) => acceptedThen(trial, unreachable, 'failed') },
    { value: 'ignore', shows: (trial) => acceptedThen(trial, unreachable, 'succeeded') },
  ],
  data_uri: [
    { value: 'allow', shows: (trial) => acceptedThen(trial, dataUri, 'succeeded') },
    { value: 'reject', shows: (trial) => acceptedThen(trial, dataUri, 'failed') },
  ],
  body_cap_bytes: [
    {
      value: 10,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(413);
      }),
    },
    {
      value: 1_000,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(200);
      }),
    },
  ],
  max_parallel: [1, 2].map((value) => ({
    value,
    shows: async ({ sim, clock, submit }) => {
      for (let count = 0; count < 4; count += 1) await submit();
      clock.tick(1_500);
      expect(sim.ledger().totals.byState).toMatchObject({ in_progress: value, in_queue: 4 - value });
    },
  })),
  max_submits_per_second: [
    {
      value: 2,
      shows: async ({ clock, call }) => {
        const statuses = [];
        for (let count = 0; count < 3; count += 1) statuses.push((await call('POST', path, { body })).status);
        clock.tick(1_000);
        statuses.push((await call('POST', path, { body })).status);
        expect(statuses).toEqual([200, 200, 429, 200]);
      },
    },
    {
      value: null,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(200);
      }),
    },
  ],
  queue_position_base: ([0, 1] as const).map((value) => ({
    value,
    shows: async ({ sim, submit, status }) => {
      sim.setProfiles({ '*': { queueMs: 0, runMs: 1_000 } });
      sim.setSwitches({ max_parallel: 1 });
      await submit();
      expect((await status(await submit()))['queue_position']).toBe(value);
    },
  })),
  priority_jitter: [false, true].map((value) => ({
    value,
    shows: async ({ sim, clock, submit, status }) => {
      sim.setProfiles({ '*': { queueMs: 60_000, runMs: 0 } });
      const id = await submit();
      const positions: number[] = [];
      for (let read = 0; read < 30; read += 1) {
        positions.push(Number((await status(id))['queue_position']));
        clock.tick(1_000);
      }
      expect(positions.some((position, index) => position > (positions[index - 1] ?? Infinity))).toBe(value);
    },
  })),
  charge_on: [
    { value: 'success', shows: chargedAfter({ submit: 0, start: 0, success: 0.01 }) },
    { value: 'start', shows: chargedAfter({ submit: 0, start: 0.01, success: 0.01 }) },
    { value: 'submit', shows: chargedAfter({ submit: 0.01, start: 0.01, success: 0.01 }) },
  ],
  charge_failed: [
    { value: false, shows: failedCharge(0) },
    { value: true, shows: failedCharge(0.01) },
  ],
  charge_cancelled_in_queue: [
    { value: false, shows: cancelledCharge(0) },
    { value: true, shows: cancelledCharge(0.01) },
  ],
  cost_delay: [0, 2].map((value) => ({
    value,
    shows: async ({ clock, submit, call }) => {
      const id = await submit();
      clock.tick(2_000);
      const costs = [];
      for (let read = 0; read <= value; read += 1) {
        costs.push((await call('GET', `/v1/requests/${id}/result?include_cost=true`)).json['cost']);
      }
      expect(costs).toEqual([...Array.from({ length: value }, () => undefined), 0.01]);
    },
  })),
  wallet_usd: [
    {
      value: 3,
      shows: async ({ call }) => {
        expect((await call('GET', '/prod/v2/balance')).json['balance_usd']).toBe(3);
      },
    },
  ],
  url_ttl_ms: [1_000, null].map((value) => ({
    value,
    shows: async ({ clock, submit, result, call }) => {
      const id = await submit();
      clock.tick(2_000);
      const url = ((await result(id))['output'] as { image: string }).image;
      const fileStatus = async () => (await call('GET', new URL(url).pathname)).status;
      expect(await fileStatus()).toBe(200);
      clock.tick(1_001);
      expect(await fileStatus()).toBe(value === null ? 200 : 410);
    },
  })),
  request_ttl_ms: [1_000, null].map((value) => ({
    value,
    shows: async ({ clock, submit, call }) => {
      const id = await submit();
      clock.tick(3_001);
      expect((await call('GET', `/v1/requests/${id}/result`)).status).toBe(value === null ? 200 : 404);
    },
  })),
  output_host: [
    {
      value: 'https://playgrounds-storage-public.runcomfy.net',
      shows: finishedResult({
        output: {
          image: expect.stringMatching(
            /^https:\/\/playgrounds-storage-public\.runcomfy\.net\/[^/]+\/[^/]+\/output\//,
          ) as string,
        },
      }),
    },
    {
      value: null,
      shows: finishedResult({
        output: { image: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/files\//) as string },
      }),
    },
  ],
  public_base: [
    {
      value: 'https://sim.example.com',
      shows: submitAnswers(({ json }) => {
        expect(json['status_url']).toMatch(/^https:\/\/sim\.example\.com\/v1\/requests\//);
      }),
    },
    {
      value: null,
      shows: submitAnswers(({ json }) => {
        expect(json['status_url']).toMatch(/^http:\/\/127\.0\.0\.1:/);
      }),
    },
  ],
};

const trials = Object.entries(cases).flatMap(([name, list]) => (list as Case[]).map((trial) => ({ name, ...trial })));

describe('switches', () => {
  it.each(trials)('$name = $value changes what a caller sees', async ({ name, value, shows }) => {
    await shows(await startTestSimulator({ switches: { [name]: value } }));
  });

  it('have the documented side as the normal one', async () => {
    const { sim } = await startTestSimulator();
    expect(sim.switches()).toMatchObject({
      submit_http: 200,
      failed_in_status: false,
      success_word: 'succeeded',
      not_ready: 'state200',
      auth_style: '401+401001',
      balance_style: '402',
      cancelled_spelling: 'cancelled',
      error_shape: 'string',
      output_keys: 'auto',
      errors_in_200: false,
    });
  });

  it('can be changed while it runs, with on and off for yes and no', async () => {
    const { call } = await startTestSimulator();
    const { status, json } = await call('PUT', '/__sim/switches', { body: { echo_input: 'off', max_parallel: 9 } });
    expect(status).toBe(200);
    expect(json).toMatchObject({ echo_input: false, max_parallel: 9, submit_http: 200 });
  });

  it.each([
    [{ no_such: 1 }, /no switch "no_such"/],
    [{ submit_http: 201 }, /"submit_http"/],
    [{ charge_on: 'never' }, /"charge_on"/],
  ])('refuse %j in one sentence', async (patch, message) => {
    const { call } = await startTestSimulator();
    const { status, json } = await call('PUT', '/__sim/switches', { body: patch });
    expect(status).toBe(400);
    expect(json['error']).toMatch(message);
    await expect(startSimulator({ switches: patch as Partial<Switches> })).rejects.toThrow(message);
  });
});

describe('the fidelity statement', () => {
  it('names every assumption with its value and says that nothing was checked live', async () => {
    const { sim } = await startTestSimulator({ switches: { max_parallel: 3 } });
    const statement = fidelityStatement(sim.switches());
    const assumed = Object.entries(switchTable).filter(([, { confidence }]) => confidence === 'assumed');
    for (const [name] of assumed) expect(statement).toContain(`  ${name} = `);
    expect(statement).toContain('max_parallel = 3');
    expect(statement).toMatch(/no call to the live service/);
    expect(statement).not.toContain('submit_http');
  });
});

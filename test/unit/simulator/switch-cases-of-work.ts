import { expect } from 'vitest';
import { flux } from '../../support/simulator-client.ts';
import {
  acceptedThen,
  body,
  cancelledCharge,
  chargedAfter,
  dataUri,
  failedCharge,
  finishedResult,
  path,
  submitAnswers,
  type SwitchCases,
  tooMany,
  unreachable,
} from './switch-case.ts';

/** What RunComfy takes, how it works through it, and what it charges. */
export const workCases = {
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
} satisfies SwitchCases;

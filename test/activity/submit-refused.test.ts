import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { FaultRule, SimulatorOptions } from '../../simulator/index.ts';
import { activitiesOnSimulator, detailsOf, paidOrder } from '../support/activity-rig.ts';

const badInput = { ...paidOrder, input: { ...paidOrder.input, duration: 2 } };
/** Lets every input through, so that RunComfy has to judge. */
const noValidator = { validate: () => Promise.resolve({ issues: [], warnings: [] }) };

interface Refusal {
  type: string;
  simulator: SimulatorOptions;
  isRetryable?: boolean;
  delayMs?: number;
  details?: object;
}

const always = (fault: string, more: Partial<FaultRule> = {}): SimulatorOptions => ({
  faults: [{ fault, step: 'submit', ...more }],
});

const refusals: Record<string, Refusal> = {
  'a model that does not exist': {
    type: 'InvalidInput',
    simulator: always('model-removed'),
    details: { httpStatus: 400, vendorCode: 400001 },
  },
  'a model that does not exist, by 404': {
    type: 'InvalidInput',
    simulator: { ...always('model-removed'), switches: { unknown_model: '404' } },
    details: { httpStatus: 404 },
  },
  'a body that is too long': {
    type: 'InvalidInput',
    simulator: { switches: { body_cap_bytes: 10 } },
    details: { httpStatus: 413 },
  },
  'a conflict': { type: 'InvalidInput', simulator: always('http-status', { httpStatus: 409, errorCode: 409001 }) },
  'a token that is refused by 401': {
    type: 'Unauthenticated',
    simulator: always('token-revoked'),
    details: { httpStatus: 401, vendorCode: 401001 },
  },
  'a token that is refused by 400 and 400004': {
    type: 'Unauthenticated',
    simulator: { ...always('token-revoked'), switches: { auth_style: '400+400004' } },
  },
  'a token that is refused by 403': {
    type: 'Unauthenticated',
    simulator: { ...always('token-revoked'), switches: { auth_style: '403' } },
  },
  'a token that is refused by an error code in a 200': {
    type: 'Unauthenticated',
    simulator: always('error-code-200'),
    details: { httpStatus: 200, vendorCode: 403003 },
  },
  'an empty wallet by 402': {
    type: 'InsufficientBalance',
    simulator: { switches: { wallet_usd: 0 } },
    details: { httpStatus: 402 },
  },
  'an empty wallet by 400 and 400002': {
    type: 'InsufficientBalance',
    simulator: { switches: { wallet_usd: 0, balance_style: '400+400002' } },
    details: { httpStatus: 400, vendorCode: 400002 },
  },
  'an empty wallet by 400 and 10001': {
    type: 'InsufficientBalance',
    simulator: { switches: { wallet_usd: 0, balance_style: '400+10001' } },
  },
  'a rate limit': {
    type: 'RateLimited',
    simulator: always('rate-limited'),
    isRetryable: true,
    details: { httpStatus: 429, vendorCode: 429001 },
  },
  'a rate limit with Retry-After in seconds': {
    type: 'RateLimited',
    simulator: always('rate-limited', { retryAfter: 7 }),
    isRetryable: true,
    delayMs: 7_000,
  },
  'a rate limit with a Retry-After of 0, which is no ban on retries': {
    type: 'RateLimited',
    simulator: always('rate-limited', { retryAfter: 0 }),
    isRetryable: true,
    delayMs: 1,
  },
  'a rate limit with a Retry-After of a day, capped at 5 minutes': {
    type: 'RateLimited',
    simulator: always('rate-limited', { retryAfter: 86_400 }),
    isRetryable: true,
    delayMs: 300_000,
  },
  'a rate limit with a Retry-After that says nothing': {
    type: 'RateLimited',
    simulator: always('rate-limited', { retryAfter: 'soon' }),
    isRetryable: true,
  },
  "RunComfy's own 503": {
    type: 'ServiceUnavailable',
    simulator: always('unavailable-json', { retryAfter: 3 }),
    isRetryable: true,
    delayMs: 3_000,
    details: { httpStatus: 503, vendorCode: 503001 },
  },
};

// A POST over which a busy machine takes its time has heartbeats of its own.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});

describe('submitRequest, refused by RunComfy:', () => {
  for (const [name, { type, simulator, isRetryable = false, delayMs, details = {} }] of Object.entries(refusals)) {
    it(`${name} is ${type}, ${isRetryable ? 'to be tried again' : 'for good'}, and nothing is billed`, async () => {
      const rig = await activitiesOnSimulator({ simulator, deps: { validator: noValidator } });
      const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
      expect(attempt.failure).toMatchObject({ type, nonRetryable: !isRetryable });
      expect(attempt.failure?.nextRetryDelay).toBe(delayMs);
      expect(detailsOf(attempt)).toMatchObject({ submission: 'refused', ...details });
      expect(attempt.heartbeats).toEqual([{ stage: 'not_sent', at: expect.any(String) }]);
      expect(rig.sim.ledger().totals).toMatchObject({ accepted: 0, charged: 0 });
      expect(rig.kept).toEqual([]);
    });
  }

  it.each<[attempt: number, retryAfter: number | string, delayMs: number]>([
    [1, 0, 1_000],
    [4, 0, 8_000],
    [4, 'Wed, 01 Jan 2020 00:00:00 GMT', 8_000],
    [4, 20, 20_000],
    [2_000, 0, 30_000],
    [2_000, 60, 60_000],
  ])('attempt %i on a 503 of its own with Retry-After %j is followed after %i ms', async (nth, retryAfter, delayMs) => {
    const rig = await activitiesOnSimulator({ simulator: always('unavailable-json', { retryAfter }) });
    const { failure } = await rig.attempt(rig.activities.submitRequest, paidOrder, { attempt: nth });
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false, nextRetryDelay: delayMs });
  });

  for (const validation_http of [422, 400] as const) {
    it(`an input that RunComfy refuses by ${String(validation_http)} is InvalidInput with its issues`, async () => {
      const rig = await activitiesOnSimulator({
        simulator: { switches: { validation_http } },
        deps: { validator: noValidator },
      });
      const attempt = await rig.attempt(rig.activities.submitRequest, badInput);
      expect(attempt.failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
      expect(detailsOf(attempt)).toMatchObject({
        submission: 'refused',
        httpStatus: validation_http,
        issues: [{ path: '$.duration' }],
      });
      expect(rig.sim.ledger().totals.accepted).toBe(0);
    });
  }
});

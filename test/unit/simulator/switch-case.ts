import { expect } from 'vitest';
import type { Switches } from '../../../simulator/index.ts';
import { flux, kling, klingInput, type startTestSimulator } from '../../support/simulator-client.ts';

export type SwitchName = keyof Switches;
export type Trial = Awaited<ReturnType<typeof startTestSimulator>>;

/** One value of a switch and what it changes for a caller. */
export interface Case<Name extends SwitchName = SwitchName> {
  value: Switches[Name];
  shows: (trial: Trial) => Promise<void>;
}

export const path = `/v1/models/${flux}`;
export const body = { prompt: 'A cat' };

export function badToken(status: number, code: number): Case['shows'] {
  return async ({ call }) => {
    const answer = await call('GET', '/prod/v2/balance', { token: 'not-simulated' });
    expect([answer.status, answer.json['error_code']]).toEqual([status, code]);
  };
}

export function noBalance(status: number, code: number): Case['shows'] {
  return async ({ sim, call }) => {
    sim.setBalance('sim-test', -1);
    const answer = await call('POST', path, { body });
    expect([answer.status, answer.json['error_code']]).toEqual([status, code]);
  };
}

export function submitAnswers(
  check: (answer: Awaited<ReturnType<Trial['call']>>) => void,
  input: object = body,
  model = flux,
): Case['shows'] {
  return async ({ call }) => {
    check(await call('POST', `/v1/models/${model}`, { body: input }));
  };
}

export function finishedResult(match: Record<string, unknown>, missing: string[] = []): Case['shows'] {
  return async ({ clock, submit, result }) => {
    const id = await submit();
    clock.tick(2_000);
    const json = await result(id);
    expect(json).toMatchObject(match);
    for (const key of missing) expect(json).not.toHaveProperty(key);
  };
}

export function failedResult(error: unknown): Case['shows'] {
  return async ({ sim, clock, submit, result }) => {
    sim.setFaults([{ fault: 'job-fails', step: 'submit', word: 'No luck.' }]);
    const id = await submit();
    clock.tick(2_000);
    expect(await result(id)).toMatchObject({ status: 'failed', error });
  };
}

export function chargedAfter(charges: { submit: number; start: number; success: number }): Case['shows'] {
  return async ({ clock, submit, jobOf }) => {
    const id = await submit();
    expect(jobOf(id).chargedUsd).toBe(charges.submit);
    clock.tick(1_000);
    expect(jobOf(id).chargedUsd).toBe(charges.start);
    clock.tick(1_000);
    expect(jobOf(id).chargedUsd).toBe(charges.success);
  };
}

export function failedCharge(usd: number): Case['shows'] {
  return async ({ sim, clock, submit, jobOf }) => {
    sim.setFaults([{ fault: 'job-fails', step: 'submit' }]);
    const id = await submit();
    clock.tick(2_000);
    expect(jobOf(id)).toMatchObject({ state: 'failed', chargedUsd: usd });
  };
}

export function cancelledCharge(usd: number): Case['shows'] {
  return async ({ submit, cancel, jobOf }) => {
    const id = await submit();
    await cancel(id);
    expect(jobOf(id)).toMatchObject({ state: 'cancelled', chargedUsd: usd });
  };
}

export function tooMany(check: (retryAfter: string | null) => void): Case['shows'] {
  return async ({ sim, call }) => {
    sim.setFaults([{ fault: 'rate-limited', step: 'submit' }]);
    const { status, headers } = await call('POST', path, { body });
    expect(status).toBe(429);
    check(headers.get('retry-after'));
  };
}

export async function acceptedThen(
  trial: Trial,
  input: Record<string, unknown>,
  end: string,
  model = kling,
): Promise<void> {
  const id = await trial.submit(model, input);
  trial.clock.tick(2_000);
  expect((await trial.result(id))['status']).toBe(end);
}

export const dataUri = { ...klingInput, start_image_url: 'data:image/png;base64,AAAA' };
export const unreachable = { ...klingInput, start_image_url: 'https://nowhere.invalid/a.png' };

/** Cases of some of the switches. */
export type SwitchCases = { [Name in SwitchName]?: Case<Name>[] };

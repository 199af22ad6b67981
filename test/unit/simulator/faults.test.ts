import { describe, expect, it } from 'vitest';
import { faultNames, type FaultRule } from '../../../simulator/index.ts';
import { kling, klingInput, startTestSimulator, type TestSimulator } from '../../support/simulator-client.ts';
import {
  answer,
  type Expectation,
  type HonestFacts,
  type Outcome,
  refused,
  type Stage,
  type Step,
} from './fault-expectation.ts';
import { expectations } from './fault-expectations.ts';

/** A cancel that was carried out ends the job, whatever the caller hears. */
const carriedOutCancels = [
  'not-json',
  'empty-body',
  'empty-array',
  'empty-object',
  'null-body',
  'html-body',
  'delay',
  'cut-body',
  'slow-body',
  'upper-case-status',
  'canceled-spelling',
];

const trials = faultNames.flatMap(({ name, steps }) => steps.map((step) => ({ name, step })));

describe('every fault at every step it applies to', () => {
  it('is described here and nowhere else', () => {
    expect(Object.keys(expectations).sort()).toEqual(faultNames.map(({ name }) => name).sort());
  });

  it.each(trials)('$name at $step spoils the one call it was meant for', async ({ name, step }) => {
    const expectation = expectations[name]?.[step] ?? expectations[name]?.['*'];
    if (expectation === undefined) throw new Error(`Nothing is expected of ${name} at ${step}.`);
    const test = await startTestSimulator();
    const { sim, clock } = test;
    const facts =
      step === 'submit' ? { id: '', outputUrl: '', origin: sim.url } : await prepare(test, step, expectation.stage);

    sim.setSwitches(expectation.switches ?? {});
    sim.setFaults([{ fault: name, step, times: 1, ...expectation.rule }]);
    const outcome = await attempt(test, step, facts);
    expectation.seen(outcome, facts);
    expect(sim.faults()).toMatchObject([{ fired: 1 }]);
    expect(sim.events().filter(({ what, fault }) => what === 'request' && fault === name)).toHaveLength(1);

    clock.tick(10_000);
    const job = sim.ledger().jobs[0];
    expect(job?.state ?? refused).toBe(stateAfter(name, step, expectation));
    if (job !== undefined) {
      const priceUsd = name === 'price-changed' ? 2.52 : 1.26;
      expect(job.chargedUsd).toBe(job.state === 'succeeded' ? priceUsd : 0);
    }

    const next = answer(await attempt(test, step, facts));
    expect(next.status).toBeLessThan(300);
    expect(sim.faults()).toMatchObject([{ fired: 1 }]);
  });
});

describe('a fault that lets a cancel pass', () => {
  it('leaves the job as it is where another fault does nothing at all', async () => {
    const test = await startTestSimulator();
    test.sim.setFaults([
      { fault: 'upper-case-status', step: 'cancel', skip: 1 },
      { fault: 'cancel-500', step: 'cancel', times: 1 },
    ]);
    const facts = await prepare(test, 'cancel');
    expect(answer(await attempt(test, 'cancel', facts)).status).toBe(500);
    expect(test.jobOf(facts.id).state).toBe('in_queue');
  });
});

describe.each(['result-failed', 'error-object', 'error-array', 'failed-as-error'])('a job that meets %s', (turning) => {
  it('has failed in the answer and in the ledger where missing-status lets that call pass', async () => {
    const { sim, clock, submit, status, result, jobOf } = await startTestSimulator();
    sim.setFaults([
      { fault: 'missing-status', step: 'result', skip: 1 },
      { fault: turning, step: 'result', times: 1 },
    ]);
    const id = await submit(kling, klingInput);
    clock.tick(2_000);
    for (const statusKeys of [{ status: 'failed' }, {}]) {
      const told = await result(id);
      expect(told).toMatchObject({ ...statusKeys, error: expect.anything() as unknown });
      expect(told).not.toHaveProperty('output');
      expect(jobOf(id)).toMatchObject({ state: 'failed', chargedUsd: 0 });
    }
    expect(await status(id)).toMatchObject({ status: 'completed' });
    expect(sim.faults()).toMatchObject([{ fired: 1 }, { fired: 1 }]);
  });

  it('stays a success once an answer has shown the output', async () => {
    const { sim, clock, submit, result, jobOf } = await startTestSimulator();
    sim.setFaults([
      { fault: 'missing-status', step: 'result', times: 1 },
      { fault: turning, step: 'result' },
    ]);
    const id = await submit(kling, klingInput);
    clock.tick(2_000);
    const { output } = await result(id);
    expect(output).toEqual({ video: expect.any(String) as string });
    expect(await result(id)).toMatchObject({ status: 'succeeded', output });
    expect(jobOf(id)).toMatchObject({ state: 'succeeded', chargedUsd: 1.26 });
    expect(sim.faults()).toMatchObject([{ fired: 1 }, { fired: 0 }]);
  });

  it('keeps the reason for which it has failed before', async () => {
    const { sim, clock, submit, result } = await startTestSimulator();
    sim.setFaults([
      { fault: 'job-fails', step: 'submit', word: 'The first reason.' },
      { fault: turning, step: 'result', word: 'Another reason.', times: 1 },
    ]);
    const id = await submit(kling, klingInput);
    clock.tick(2_000);
    expect(JSON.stringify((await result(id))['error'])).toContain('The first reason.');
    expect(await result(id)).toMatchObject({ status: 'failed', error: 'The first reason.' });
  });

  it('has the end of the ledger in every answer, whatever other fault strikes before or after', async () => {
    const test = await startTestSimulator({
      profiles: { '*': { queueReads: 0, runReads: 1 } },
      switches: { wallet_usd: 10_000 },
    });
    const { sim, submit, jobOf } = test;
    const others = faultNames.filter(({ name, steps }) => steps.includes('result') && name !== 'hang');
    for (const { name } of others) {
      for (const skip of [0, 1, 2]) {
        const other: FaultRule = { fault: name, step: 'result', times: 2, skip, delayMs: 1 };
        for (const rules of [
          [other, { fault: turning, step: 'result' as const, skip: 1, times: 1 }],
          [{ fault: turning, step: 'result' as const, times: 1 }, other],
        ]) {
          sim.setFaults([]);
          const id = await submit(kling, klingInput);
          sim.setFaults(rules);
          const ends: string[] = [];
          for (let read = 0; read < 5; read += 1) {
            const outcome = await attempt(test, 'result', { id, outputUrl: '', origin: sim.url });
            ends.push(...endsIn(outcome));
          }
          const { state } = jobOf(id);
          expect({ rules, ends: [...new Set(ends)] }).toEqual({ rules, ends: [state] });
        }
      }
    }
  }, 120_000);
});

/** Which end an answer tells. */
function endsIn(outcome: Outcome): string[] {
  if ('error' in outcome) return [];
  const { status, output, error } = { ...outcome.json };
  return [
    ...(output !== undefined || /^succeeded$/i.test(String(status)) ? ['succeeded'] : []),
    ...(error !== undefined || /^failed$/i.test(String(status)) ? ['failed'] : []),
  ];
}

/** Where the job stands at last; a fault says nothing about it at steps that cannot change it. */
function stateAfter(name: string, step: Step, { stage, becomes }: Expectation): string {
  if (step === 'catalogue' || step === 'balance') return refused;
  if (step === 'submit') return becomes ?? 'succeeded';
  if (becomes !== undefined && becomes !== refused) return becomes;
  return stage === 'cancelled' || (step === 'cancel' && carriedOutCancels.includes(name)) ? 'cancelled' : 'succeeded';
}

async function prepare(
  { sim, clock, submit, cancel, result }: TestSimulator,
  step: Step,
  stage: Stage = step === 'file' ? 'succeeded' : 'queued',
): Promise<HonestFacts> {
  const facts = { id: '', outputUrl: '', origin: sim.url };
  if (step === 'catalogue' || step === 'balance') return facts;
  facts.id = await submit(kling, klingInput);
  if (stage === 'cancelled') await cancel(facts.id);
  if (stage === 'running') clock.tick(1_000);
  if (stage === 'over') clock.tick(2_000);
  if (stage === 'succeeded') {
    clock.tick(2_000);
    facts.outputUrl = ((await result(facts.id))['output'] as { video: string }).video;
  }
  return facts;
}

async function attempt({ sim, call }: TestSimulator, step: Step, facts: HonestFacts): Promise<Outcome> {
  // A call that hangs is given up as soon as the simulator has decided to let it hang.
  const controller = new AbortController();
  const before = sim.events().at(-1)?.number;
  const watch = setInterval(() => {
    if (sim.events(before).some(({ answer: how }) => how === 'hang')) controller.abort();
  }, 5);
  const { signal } = controller;
  try {
    switch (step) {
      case 'submit':
        return await call('POST', `/v1/models/${kling}`, { body: klingInput, signal });
      case 'status':
        return await call('GET', `/v1/requests/${facts.id}/status`, { signal });
      case 'result':
        return await call('GET', `/v1/requests/${facts.id}/result?include_cost=true`, { signal });
      case 'cancel':
        return await call('POST', `/v1/requests/${facts.id}/cancel`, { signal });
      case 'catalogue':
        return await call('GET', `/v1/models/${kling}`, { signal });
      case 'balance':
        return await call('GET', '/prod/v2/balance', { signal });
      case 'file':
        return await call('GET', new URL(facts.outputUrl).pathname, { token: null, signal });
    }
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
    return { error: [message, cause?.code, cause?.message].filter((part) => part !== undefined).join(', ') };
  } finally {
    clearInterval(watch);
  }
}

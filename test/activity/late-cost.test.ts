import { describe, expect, it } from 'vitest';
import type { SimulatorOptions } from '../../simulator/index.ts';
import { activitiesAt, activitiesOnSimulator } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling } from '../support/simulator-client.ts';

type Switches = NonNullable<SimulatorOptions['switches']>;

/** A simulator that bills what it then stops. */
async function billed(switches: Switches) {
  const rig = await activitiesOnSimulator({
    simulator: { switches: { charge_on: 'submit', charge_cancelled_in_queue: true, ...switches } },
  });
  const requestId = await rig.order('queue');
  const question = { model: kling, requestId };
  const cancel = () => rig.attempt(rig.activities.cancelRequest, question);
  const read = () => rig.attempt(rig.activities.readStatus, question);
  return { rig, requestId, cancel, read, chargedUsd: () => rig.sim.ledger().totals.chargedUsd };
}

describe('a cost of stopped work that comes later than its end', () => {
  it.each([
    [0, 2],
    [1, 3],
  ])('is read by the cancel (after %i looks)', async (cost_delay, reads) => {
    const { cancel, chargedUsd } = await billed({ cost_delay });
    const { value } = await cancel();
    expect(chargedUsd()).toBeGreaterThan(0);
    expect(value).toMatchObject({ outcome: 'cancelled', costUsd: chargedUsd(), reads });
  });

  it.each([
    [0, 2],
    [1, 3],
    [3, 5],
  ])('is read by whoever sees that it was stopped (after %i looks)', async (cost_delay, reads) => {
    const { rig, requestId, read, chargedUsd } = await billed({ cost_delay });
    const stop = { method: 'POST', headers: { authorization: 'Bearer sim-activity-7f3a91c0' } };
    await fetch(`${rig.sim.url}/v1/requests/${requestId}/cancel`, stop);
    expect((await read()).value).toMatchObject({ status: 'cancelled', costUsd: chargedUsd(), reads });
  });

  it('is read, too, where the status says only that it is over, or the first look meets an outage', async () => {
    for (const [status, first] of [
      ['completed', { status: 'cancelled' }],
      ['cancelled', undefined],
    ] as const) {
      const results = [first, { status: 'cancelled', cost: 1.26 }];
      const { port } = await serve((response, { path }) => {
        if (path.endsWith('/cancel')) reply(response, 202, { outcome: 'cancelled', status: 'completed' });
        else if (path.endsWith('/status')) reply(response, 200, { status });
        else reply(response, results.length > 1 && !first ? 503 : 200, results.shift());
      });
      const { attempt, activities } = activitiesAt(`http://127.0.0.1:${String(port)}`);
      const { value } = await attempt(activities.cancelRequest, { model: kling, requestId: 'a1b2' });
      expect(value).toMatchObject({ outcome: 'cancelled', costUsd: 1.26, reads: 3 });
    }
  });

  it('is looked for by no cancel again and again where it never comes', async () => {
    const { cancel } = await billed({ cost_delay: 1_000 });
    const reads: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      const { value } = await cancel();
      expect(value).toMatchObject({ outcome: 'cancelled' });
      expect(value).not.toHaveProperty('costUsd');
      reads.push(value?.reads ?? 0);
    }
    expect(reads.slice(0, 3).every((count) => count > 2 && count <= 4)).toBe(true);
    expect(reads.slice(3)).toEqual([2, 2]);
  });

  it('holds up no cancel beyond the time of one look', async () => {
    const { rig, cancel } = await billed({});
    rig.sim.setFaults([{ fault: 'hang', step: 'result' }]);
    expect((await cancel()).value).toMatchObject({ outcome: 'cancelled', reads: 2 });
  });

  it.each(['hang', 'rate-limited'])('is looked for once its result is answered again (%s)', async (fault) => {
    const { rig, cancel, chargedUsd } = await billed({ cost_delay: 1 });
    rig.sim.setFaults([{ fault, step: 'result' }]);
    for (const { value } of await Promise.all([cancel(), cancel(), cancel()])) {
      expect(value).toMatchObject({ outcome: 'cancelled' });
      expect(value).not.toHaveProperty('costUsd');
    }
    rig.sim.setFaults([]);
    expect((await cancel()).value).toMatchObject({ costUsd: chargedUsd() });
  });
});

describe('a cost that is looked for in vain', () => {
  /** A RunComfy that gives these results, one after the other. */
  async function fetching() {
    const resultsOf = new Map<string, object[]>();
    const { port } = await serve((response, { path }) => {
      reply(response, 200, resultsOf.get(path.split('/')[3] ?? '')?.shift());
    });
    const { attempt, activities } = activitiesAt(`http://127.0.0.1:${String(port)}`);
    const finishedSince = new Date().toISOString();
    return async (...results: object[]) => {
      const requestId = `a1b2-${String(resultsOf.size)}`;
      resultsOf.set(requestId, results);
      return (await attempt(activities.fetchResult, { model: kling, requestId, finishedSince })).value;
    };
  }
  const output = { video: 'https://c/a.mp4' };
  const success = { status: 'succeeded', output };
  const failure = { status: 'failed', error: 'NSFW' };
  const fourOf = (result: object) => Array.from({ length: 4 }, () => result);

  it('of failures is looked for of successes', async () => {
    const fetch = await fetching();
    for (let count = 0; count < 3; count += 1) expect(await fetch(...fourOf(failure))).not.toHaveProperty('costUsd');
    expect(await fetch(success, { ...success, cost: 1.26 })).toMatchObject({ costUsd: 1.26 });
  });

  it('is looked for again once one was stated at once', async () => {
    const fetch = await fetching();
    for (let count = 0; count < 2; count += 1) expect(await fetch(...fourOf(success))).not.toHaveProperty('costUsd');
    expect(await fetch({ ...success, cost: 1.26 })).toMatchObject({ costUsd: 1.26 });
    expect(await fetch(...fourOf(success))).not.toHaveProperty('costUsd');
    expect(await fetch(success, { ...success, cost: 1.26 })).toMatchObject({ costUsd: 1.26 });
  });

  it('is looked for by few ends, those at the same time included, until it is found', async () => {
    const fetch = await fetching();
    const late = [success, { ...success, cost: 1.26 }];
    for (const reading of await Promise.all(Array.from({ length: 6 }, () => fetch(...late))))
      expect(reading).toMatchObject({ costUsd: 1.26 });
    await Promise.all(Array.from({ length: 3 }, () => fetch(...fourOf(success))));
    const readings = await Promise.all(Array.from({ length: 40 }, () => fetch(...fourOf(success))));
    expect(readings.reduce((sum, reading) => sum + (reading?.reads ?? 0), 0)).toBe(42);
  });

  it('says nothing new where one was stated meanwhile', async () => {
    const fetch = await fetching();
    for (let count = 0; count < 2; count += 1) await fetch(...fourOf(success));
    const inVain = fetch(...fourOf(success));
    await fetch({ ...success, cost: 1.26 });
    expect(await inVain).not.toHaveProperty('costUsd');
    expect(await fetch(success, { ...success, cost: 1.26 })).toMatchObject({ costUsd: 1.26 });
  });
});

describe('a look for a cost', () => {
  it.each([
    ['status', 'cancelled'],
    ['result', 'failed'],
  ])('leaves an activity that has to end the time to tell of the end (%s)', async (read, status) => {
    const { port } = await serve((response) => {
      reply(response, 200, { status, error: 'NSFW' });
    });
    const { attempt, activities } = activitiesAt(`http://127.0.0.1:${String(port)}`);
    const now = Date.now();
    // A further attempt of a last look, two seconds before that is given up.
    const info = { attempt: 2, scheduledTimestampMs: now - 28_000, scheduleToCloseTimeoutMs: 30_000 };
    const question = { model: kling, requestId: 'a1b2', isLastRead: true };
    const { value } = await (read === 'status'
      ? attempt(activities.readStatus, question, info)
      : attempt(activities.fetchResult, { ...question, finishedSince: new Date(now).toISOString() }, info));
    expect(value).toMatchObject({ status, reads: 1 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRankTree } from '../../../simulator/world/rank-tree.ts';
import { flux, startTestSimulator } from '../../support/simulator-client.ts';

describe('the queue of one token', () => {
  it('runs five jobs at a time, in the order of their submits, and counts positions down', async () => {
    const { sim, clock, submit, status } = await startTestSimulator();
    sim.setProfiles({ '*': { queueMs: 0, runMs: 10_000 } });
    const ids: string[] = [];
    for (let count = 0; count < 8; count += 1) ids.push(await submit());
    const view = async () =>
      Promise.all(
        ids.map(async (id) => {
          const { status: word, queue_position: position } = await status(id);
          return position ?? word;
        }),
      );
    expect(await view()).toEqual([...Array.from({ length: 5 }, () => 'in_progress'), 1, 2, 3]);
    clock.tick(10_000);
    expect((await view()).slice(5)).toEqual(['in_progress', 'in_progress', 'in_progress']);
    expect((await view())[0]).toBe('completed');
  });

  it('moves up when a job before it is cancelled', async () => {
    const { sim, submit, status, cancel } = await startTestSimulator({ switches: { max_parallel: 1 } });
    sim.setProfiles({ '*': { queueMs: 0, runMs: 10_000 } });
    const [, second, third] = [await submit(), await submit(), await submit()];
    expect((await status(third))['queue_position']).toBe(2);
    await cancel(second);
    expect((await status(third))['queue_position']).toBe(1);
  });

  it('is not held up by the jobs of another token', async () => {
    const { sim, submit, call } = await startTestSimulator({ switches: { max_parallel: 1 } });
    sim.setProfiles({ '*': { queueMs: 0, runMs: 10_000 } });
    await submit();
    const other = await submit(flux, { prompt: 'x' }, 'sim-other');
    expect((await call('GET', `/v1/requests/${other}/status`, { token: 'sim-other' })).json['status']).toBe(
      'in_progress',
    );
  });

  it('keeps the times of each job exact, however late one looks', async () => {
    const { sim, clock, submit } = await startTestSimulator({ switches: { max_parallel: 1 } });
    sim.setProfiles({ '*': { queueMs: 100, runMs: 1_000 } });
    const start = clock.now();
    for (let count = 0; count < 3; count += 1) await submit();
    clock.tick(60_000);
    const times = sim.ledger().jobs.map((job) => [(job.startedAt ?? 0) - start, (job.finishedAt ?? 0) - start]);
    expect(times).toEqual([
      [100, 1_100],
      [1_100, 2_100],
      [2_100, 3_100],
    ]);
  });

  it('shows positions that only fall while other accounts are ahead', async () => {
    const { sim, clock, submit, status } = await startTestSimulator({ seed: 3 });
    sim.setProfiles({ '*': { queueMs: 400_000, runMs: 0 } });
    const foreign: number[] = [];
    for (let own = 1; own <= 8; own += 1) {
      const id = await submit();
      const positions: number[] = [];
      for (let read = 0; read < 5; read += 1) {
        positions.push(Number((await status(id))['queue_position']));
        clock.tick(1_000);
      }
      expect(positions).toEqual(positions.toSorted((a, b) => b - a));
      foreign.push((positions[0] ?? 0) - own);
    }
    expect(Math.min(...foreign)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...foreign)).toBeGreaterThan(0);
  });
});

describe('profiles', () => {
  it('are chosen by model, then kind, then for all', async () => {
    const { sim, clock, submit, jobOf } = await startTestSimulator();
    sim.setProfiles({
      '*': { queueMs: 0, runMs: 1_000 },
      image: { queueMs: 0, runMs: 2_000 },
      'google/nano-banana-2/text-to-image': { queueMs: 0, runMs: 3_000 },
    });
    const ids = [
      await submit('acestep-ai/ace-step-1.5/text-to-audio', { tags: 'x' }),
      await submit(),
      await submit('google/nano-banana-2/text-to-image'),
    ];
    clock.tick(10_000);
    expect(ids.map((id) => (jobOf(id).finishedAt ?? 0) - jobOf(id).acceptedAt)).toEqual([1_000, 2_000, 3_000]);
  });

  it('can be driven by reads instead of the clock', async () => {
    const { sim, submit, status, result } = await startTestSimulator();
    sim.setProfiles({ '*': { queueReads: 2, runReads: 3 } });
    const id = await submit();
    const words = [];
    for (let read = 0; read < 6; read += 1) words.push((await status(id))['status']);
    expect(words).toEqual(['in_queue', 'in_queue', 'in_progress', 'in_progress', 'in_progress', 'completed']);
    const other = await submit();
    const results = [];
    for (let read = 0; read < 6; read += 1) results.push((await result(other))['status']);
    expect(results).toEqual(['in_queue', 'in_queue', 'in_progress', 'in_progress', 'in_progress', 'succeeded']);
  });

  it('are scaled by the speed', async () => {
    const { clock, submit, jobOf } = await startTestSimulator({ speed: 10 });
    const id = await submit();
    clock.tick(200);
    expect(jobOf(id)).toMatchObject({ state: 'succeeded' });
    expect((jobOf(id).finishedAt ?? 0) - jobOf(id).acceptedAt).toBe(200);
  });

  it('draw within their range, around a median, and add cold starts', async () => {
    const { sim, submit, jobOf, clock } = await startTestSimulator({ switches: { max_parallel: 1_000 } });
    const drawn = async (runMs: [number, number] | { median: number; sigma: number }) => {
      sim.setProfiles({ '*': { queueMs: 0, runMs } });
      const ids = [];
      for (let count = 0; count < 40; count += 1) ids.push(await submit());
      clock.tick(1_000_000);
      return ids.map((id) => (jobOf(id).finishedAt ?? 0) - (jobOf(id).startedAt ?? 0)).sort((a, b) => a - b);
    };
    const uniform = await drawn([3_000, 8_000]);
    expect(uniform[0]).toBeGreaterThanOrEqual(3_000);
    expect(uniform.at(-1)).toBeLessThanOrEqual(8_000);
    expect(new Set(uniform).size).toBe(40);
    const lognormal = await drawn({ median: 10_000, sigma: 0.3 });
    expect(lognormal[20]).toBeGreaterThan(7_000);
    expect(lognormal[20]).toBeLessThan(14_000);
    sim.setProfiles({ '*': { queueMs: 0, runMs: 0, coldStart: { probability: 1, ms: 5_000 } } });
    const cold = await submit();
    clock.tick(5_000);
    expect((jobOf(cold).startedAt ?? 0) - jobOf(cold).acceptedAt).toBe(5_000);
  });

  it.each([{ '*': { queueMs: -1 } }, { '*': { queueMs: 'soon' } }, { '*': { queueReads: 1 } }, []])(
    'refuse %j',
    async (profiles) => {
      const { call } = await startTestSimulator();
      const { status, json } = await call('PUT', '/__sim/profiles', { body: profiles });
      expect(status).toBe(400);
      expect(json['error']).toMatch(/^Profile/);
    },
  );
});

describe('a hold', () => {
  it('keeps two thousand jobs in the queue until they are released, then ends each once', async () => {
    const count = 2_000;
    const { sim, clock, submit, status } = await startTestSimulator({ switches: { max_parallel: count } });
    sim.setProfiles({ '*': { queueMs: 100, runMs: 200 } });
    sim.hold();
    const ids: string[] = [];
    for (let batch = 0; batch < count; batch += 50) {
      ids.push(...(await Promise.all(Array.from({ length: 50 }, () => submit()))));
    }
    clock.tick(3_600_000);
    expect(sim.ledger({ withJobs: false }).totals).toMatchObject({
      accepted: count,
      charged: 0,
      byState: { in_queue: count },
    });
    const last = sim.ledger().jobs.at(-1)?.id ?? '';
    expect(Number((await status(last))['queue_position'])).toBeGreaterThanOrEqual(count);
    expect(sim.release()).toBe(count);
    clock.tick(300);
    expect(sim.ledger({ withJobs: false }).totals).toMatchObject({ charged: count, byState: { succeeded: count } });
    expect(new Set(ids).size).toBe(count);
  });

  it('can keep jobs running', async () => {
    const { sim, clock, submit, jobOf, call } = await startTestSimulator();
    expect((await call('POST', '/__sim/hold', { body: { stage: 'run' } })).status).toBe(200);
    const id = await submit();
    clock.tick(60_000);
    expect(jobOf(id).state).toBe('in_progress');
    expect((await call('POST', '/__sim/release')).json).toEqual({ released: 1 });
    clock.tick(1_000);
    expect(jobOf(id).state).toBe('succeeded');
    const next = await submit();
    clock.tick(2_000);
    expect(jobOf(next).state).toBe('succeeded');
    expect(sim.ledger().totals.charged).toBe(2);
  });

  it('ends by itself when so many jobs were accepted', async () => {
    const { sim, clock, submit } = await startTestSimulator();
    sim.hold({ stage: 'queue', untilAccepted: 3 });
    await submit();
    await submit();
    clock.tick(60_000);
    expect(sim.ledger().totals.byState.in_queue).toBe(2);
    await submit();
    clock.tick(2_000);
    expect(sim.ledger().totals.byState.succeeded).toBe(3);
  });

  it('lets single jobs go, stuck ones too', async () => {
    const { sim, clock, submit, jobOf } = await startTestSimulator();
    sim.setFaults([{ fault: 'stuck-running', step: 'submit', times: 1 }]);
    const stuck = await submit();
    clock.tick(60_000);
    expect(sim.release()).toBe(0);
    expect(jobOf(stuck).state).toBe('in_progress');
    expect(sim.release([stuck])).toBe(1);
    clock.tick(1_000);
    expect(jobOf(stuck).state).toBe('succeeded');
  });
});

describe('the rank tree', () => {
  it('counts like a list', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(200))), (operations) => {
        const tree = createRankTree();
        const marked: boolean[] = [];
        for (const [isAppend, target] of operations) {
          if (isAppend) {
            expect(tree.append()).toBe(marked.length);
            marked.push(true);
          } else if (marked[target] === true) {
            tree.unmark(target);
            marked[target] = false;
          }
        }
        for (let index = 0; index <= marked.length; index += 1) {
          expect(tree.countBelow(index)).toBe(marked.slice(0, index).filter(Boolean).length);
        }
      }),
    );
  });
});

import { describe, expect, inject, it } from 'vitest';
import { fuzzInProcess } from './campaign.ts';
import { playInProcess } from './in-process.ts';
import { keptScripts, untroubled } from './kept.ts';
import { openLane } from './lane.ts';
import { fuzzWorkflow } from './real-workflow.ts';
import type { FuzzScript } from './script.ts';
import { brokenPromises } from './truth.ts';

describe('random faults, cancels and decisions', () => {
  it('break no promise of the activities and the HTTP client', async () => {
    const { found, ends } = await fuzzInProcess(200, 20_261_123);
    expect(found).toEqual([]);
    expect(ends['delivered']).toBeGreaterThan(50);
    expect(ends['SubmitOutcomeUnknown']).toBeGreaterThan(5);
  });

  it('break no promise of the workflow on a server', async () => {
    const { found, ends } = await fuzzWorkflow({
      runs: 40,
      seed: 20_261_123,
      parallel: 20,
      address: inject('temporalAddress'),
      workflowBundle: { codePath: inject('workflowBundlePath') },
    });
    expect(found).toEqual([]);
    expect(Object.keys(ends).length).toBeGreaterThan(2);
  });

  it.each(Object.entries(keptScripts))('break no promise any more when %s', async (_name, script) => {
    const lane = await openLane({ hasOwnClock: true });
    try {
      const said = await playInProcess(lane, script, 1);
      expect(brokenPromises(script, said, lane.books(said.prompt))).toEqual([]);
    } finally {
      await lane.close();
    }
  });

  it('would be told from kept ones: a second job, a lost id, an untrue cancel', async () => {
    const script: FuzzScript = {
      policy: 'hold',
      onCancelWhileRunning: 'unsaid',
      deadlineMs: 60_000,
      queueReads: 1,
      runReads: 1,
      faults: [],
      cancels: [],
      decisions: [],
      ...untroubled,
    };
    const lane = await openLane({ hasOwnClock: true });
    try {
      const said = await playInProcess(lane, script, 1);
      const { jobs, faults, told } = lane.books(said.prompt);
      const [job] = jobs;
      expect(job?.state).toBe('succeeded');
      if (job === undefined) return;
      const check = (change: Partial<typeof said>, books = jobs) =>
        brokenPromises(script, { ...said, ...change }, { jobs: books, faults, told });
      expect(check({})).toEqual([]);
      expect(check({}, [job, { ...job, id: 'another' }])).not.toEqual([]);
      expect(check({ deliveredId: 'another' })).not.toEqual([]);
      const { requestId: _lost, ...idless } = said.state;
      const { deliveredId: _none, ...undelivered } = said;
      const lost = { ...undelivered, type: 'GenerationTimedOut', state: idless };
      expect(brokenPromises(script, lost, { jobs, faults, told })).not.toEqual([]);
      const cancel = { requestedAt: new Date().toISOString(), outcome: 'cancelled' } as const;
      expect(check({ state: { ...said.state, cancel } })).not.toEqual([]);
      expect(check({ state: { ...said.state, submission: 'not_sent' } })).not.toEqual([]);
    } finally {
      await lane.close();
    }
  });
});

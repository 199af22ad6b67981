import { expect, inject, it } from 'vitest';
import { describeBatches, fuzzBatches } from '../fuzz/batches/campaign.ts';

it('random batches with deaths of workers, pauses, walls, adds and cancels break no promise of batches', async () => {
  const campaign = await fuzzBatches(20, 7, { codePath: inject('workflowBundlePath') });
  expect(campaign.found, describeBatches(campaign)).toEqual([]);
  expect(campaign.orders).toBeGreaterThan(40);
  expect(campaign.longer).toBeGreaterThan(0);
  expect(Object.keys(campaign.ends).length).toBeGreaterThan(1);
});

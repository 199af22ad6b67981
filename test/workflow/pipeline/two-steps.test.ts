import { expect, it } from 'vitest';
import { checkPipeline, pipelineStack, stillAndClip, toldState } from '../../support/pipelines.ts';

it('a still becomes a clip: outputs wired, one order and one bill each, the state told to the end', async () => {
  const { client, pipelines, jobsOf, key: newKey, generations } = await pipelineStack();
  const key = newKey();
  const pipeline = await pipelines.start({ plan: stillAndClip(key) }, { key });
  const result = await pipeline.result();
  expect(result.phase).toBe('succeeded');
  const [still, ...otherStills] = jobsOf(`${key} still`);
  const [clip, ...otherClips] = jobsOf(`${key} clip`);
  expect([otherStills, otherClips]).toEqual([[], []]);
  const { steps } = result;
  expect(clip?.input['start_image_url']).toBe(steps['still']?.output?.images[0]);
  expect(result.outputs).toEqual({ still: steps['still']?.output, clip: steps['clip']?.output });
  expect(steps['clip']?.key).toMatch(new RegExp(`^${key}/clip@[0-9a-f]{12}$`));
  expect((await generations.result(steps['clip']?.key ?? '')).requestId).toBe(clip?.id);
  expect(result.costUsd).toBeCloseTo((still?.chargedUsd ?? 0) + (clip?.chargedUsd ?? 0), 6);
  const state = await toldState(pipeline);
  expect(state).toMatchObject({
    phase: 'succeeded',
    reservedUsd: 0,
    steps: [{ phase: 'succeeded' }, { phase: 'succeeded' }],
  });
  await checkPipeline(client, pipeline, 'two-steps');
  const again = await pipelines.start({ plan: stillAndClip(key) }, { key });
  expect(again.attached).toBe(true);
  expect(await again.result()).toEqual(result);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { eventually } from '../../support/eventually.ts';
import { historiesOf } from '../../support/generations.ts';
import { hangMs } from '../../support/patience.ts';
import type { PipelineShape } from '../../support/pipeline-shapes.ts';
import { pipelineStack } from '../../support/pipelines.ts';
import { recordHistories } from '../../support/record-history.ts';
import { flux } from '../../support/simulator-client.ts';

const looked = 'google/nano-banana-2/text-to-image';
/** Longer than another step takes to be prepared. */
const lookedForMs = 700;

it('replays where steps that begin together take their own time to be prepared', async () => {
  const { client, pipelines, simulator, workers, key: newKey } = await pipelineStack();
  await workers.stop();
  const runcomfy = createRunComfyClient({ modelApiBase: simulator.modelApiBase, token: () => 'sim-in-process' });
  let lookups = 0;
  await workers.start({
    runcomfy: {
      ...runcomfy,
      getModel: async (model, options) => {
        lookups += 1;
        // The plan is checked at once.
        if (lookups > 1) await sleep(lookedForMs);
        return await runcomfy.getModel(model, options);
      },
    },
  });
  const key = newKey();
  const order = (name: string) => ({ model: flux, input: { prompt: `${key} ${name}` } });
  const plan = {
    version: 1,
    steps: {
      gate: { ...order('gate'), if: 'false' },
      many: { ...order('many ${{ item }}'), forEach: ['x', 'y'], needs: ['gate'], runsWhen: 'ended' },
      solo: { ...order('solo'), model: looked, maxPriceUsd: 1 },
    },
  };
  const pipeline = await pipelines.start({ plan, maxCostUsd: 10 }, { key });
  await eventually(async () => {
    const { steps } = await pipeline.state();
    expect(steps.map(({ phase }) => phase)).toEqual(['skipped', 'succeeded', 'succeeded']);
  });
  await pipeline.result();
  expect(lookups).toBeGreaterThan(1);
  const histories = await historiesOf(client, key);
  await recordHistories('step-skipped' satisfies PipelineShape, histories, 'runcomfyPipeline');
  const [history] = histories;
  const options = { workflowBundle: { codePath: inject('workflowBundlePath') }, isolateExecutionTimeout: hangMs };
  await Worker.runReplayHistory(options, history, key);
  await runcomfy.close();
});

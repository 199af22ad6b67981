import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { type InProcess, pipelinesInProcess } from '../support/pipeline-in-process.ts';

const start = pipelinesInProcess();
const day = 86_400_000;
const plan = { version: 1, steps: { pick: { approval: { choose: ['a', 'b'] } } } };
const checked = ['RunComfyPhase', 'RunComfyCostUsd'];

/** What it has set, in order. */
function shownBy({ execution }: InProcess): object[] {
  const commands = execution.tasks.flatMap((task) => task.commands);
  return commands.flatMap(({ upsertWorkflowSearchAttributes }) => {
    const fields = upsertWorkflowSearchAttributes?.searchAttributes?.indexedFields;
    if (!fields) return [];
    const values = Object.entries(fields).map(([name, payload]) => [
      name,
      defaultPayloadConverter.fromPayload(payload),
    ]);
    return [Object.fromEntries(values) as object];
  });
}

async function cancelledAfter(ms: number, existing: () => string[]) {
  const pipeline = await start({ plan, deadlineMs: 4 * day }, { attributes: { checked, existing } });
  pipeline.time.after(ms, () => {
    pipeline.execution.signal('cancel', {});
  });
  const { state } = await pipeline.end();
  expect(state.phase).toBe('cancelled');
  return pipeline;
}

describe('what a pipeline shows in search attributes', () => {
  it('is by what the check of its plan said, for a while', async () => {
    let asked = 0;
    const pipeline = await cancelledAfter(60_000, () => ((asked += 1), checked));
    expect(asked).toBe(0);
    expect(shownBy(pipeline)).toEqual([
      { RunComfyPhase: 'running' },
      { RunComfyPhase: 'stopping' },
      { RunComfyPhase: 'cancelled', RunComfyCostUsd: 0 },
    ]);
  });

  it('is by what there is, where days have passed since: what is gone is not set', async () => {
    const pipeline = await cancelledAfter(2 * day, () => ['RunComfyCostUsd']);
    expect(shownBy(pipeline)).toEqual([{ RunComfyPhase: 'running' }, { RunComfyCostUsd: 0 }]);
  });

  it('is all that there is at its end then, too', async () => {
    const pipeline = await cancelledAfter(2 * day, () => checked);
    expect(shownBy(pipeline).at(-1)).toEqual({ RunComfyPhase: 'cancelled', RunComfyCostUsd: 0 });
  });
});

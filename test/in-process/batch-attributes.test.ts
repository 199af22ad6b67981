import { expect, it } from 'vitest';
import { answered, batchesByTasks, updated, windowAnswered } from '../support/batch-in-process.ts';

const open = batchesByTasks();
const minute = 60_000;

/** A batch whose last lines are written, which it hears of so late; and the search attributes set in its last task. */
async function heardOf(afterMs: number, existing: string[]) {
  const { play, scheduled, wait } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  await play(updated('add', { from: 0, count: 1, page: 0, digest: 'a'.repeat(64) }, 'add'));
  const window = scheduled('runWindow')?.seq;
  await play(updated('seal', {}, 'seal'));
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  await play(windowAnswered(window, { ended: [{ index: 0, line, cost: 0 }], cursor: 1 }));
  const written = answered(scheduled('closeItems')?.seq, { tail: [], page: 1, searchAttributes: ['RunComfyPhase'] });
  wait(afterMs);
  let last = await play(written);
  const asked = scheduled('listSearchAttributes');
  if (asked) last = await play(answered(asked.seq, { existing }));
  expect(last.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
  const shown = last.flatMap(({ upsertWorkflowSearchAttributes }) =>
    Object.keys(upsertWorkflowSearchAttributes?.searchAttributes?.indexedFields ?? {}),
  );
  return { isAsked: asked !== undefined, shown };
}

it('the end of a batch is shown in the search attributes that its activity knew of', async () => {
  expect(await heardOf(minute, [])).toEqual({ isAsked: false, shown: ['RunComfyPhase'] });
});

it('the end of a batch that heard of them late is shown in those that there are', async () => {
  expect(await heardOf(60 * minute, [])).toEqual({ isAsked: true, shown: [] });
  expect(await heardOf(60 * minute, ['RunComfyPhase'])).toEqual({ isAsked: true, shown: ['RunComfyPhase'] });
});

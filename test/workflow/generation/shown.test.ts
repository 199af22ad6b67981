import { describe, expect, it } from 'vitest';
import { searchAttributeNames } from '../../../domain/names.ts';
import {
  activityFailure,
  endingOf,
  type GenerationRun,
  happyActivities,
  order,
  untilState,
} from '../../support/generations.ts';
import { accepted, scriptedGenerations } from '../../support/scripted-generations.ts';
import { handOver, resolve, submits, unfinished } from '../../support/unknown-submissions.ts';

const { start } = scriptedGenerations();
const searchAttributes = [...searchAttributeNames];
const readAt = new Date().toISOString();

async function shown(handle: GenerationRun, name: string): Promise<unknown> {
  const { indexedFields = {} } = (await handle.describe()).raw.workflowExecutionInfo?.searchAttributes ?? {};
  const data = indexedFields?.[name]?.data;
  return data ? JSON.parse(Buffer.from(data).toString()) : undefined;
}

/** A submit of unknown outcome, and whether its worker knows the model. */
const unknownOf = (isModelKnown?: boolean) => () =>
  Promise.reject(
    activityFailure('SubmitOutcomeUnknown', {
      submission: 'unknown',
      searchAttributes,
      ...(isModelKnown && { isModelKnown }),
    }),
  );

describe.concurrent('what operators see of a generation', () => {
  it('names its model once RunComfy has taken an order of it, else says "other"', async () => {
    const { submitRequest } = submits(unknownOf(), (name) =>
      Promise.resolve({ ...accepted(`${name}--1`), searchAttributes }),
    );
    const { handle } = await start({ submitRequest });
    await untilState(handle, ({ phase }) => phase === 'submission_unknown');
    expect(await shown(handle, 'RunComfyModel')).toBe('other');
    await resolve(handle, { action: 'resubmit' });
    expect((await endingOf(handle)).result?.model).toBe(order.model);
    expect(await shown(handle, 'RunComfyModel')).toBe(order.model);
  });

  it('names the model of an unknown submission where the worker knows it', async () => {
    const { submitRequest } = submits(unknownOf(true));
    const { handle } = await start({ submitRequest }, { onUnknownSubmission: 'fail' });
    expect((await endingOf(handle)).state.model).toBe(order.model);
    expect(await shown(handle, 'RunComfyModel')).toBe(order.model);
  });

  it('names the model of a request that was taken over when its result does, and only then', async () => {
    const happy = happyActivities();
    const readStatus = () =>
      Promise.resolve({ status: 'finished' as const, reads: 1, readAt, nextReadInMs: 0, searchAttributes });
    for (const isModelKnown of [true, false]) {
      const { handle, name } = await start({
        submitRequest: unknownOf(),
        readStatus,
        fetchResult: async (question) => {
          expect(question.wantsModel).toBe(true);
          return { ...(await happy.fetchResult(question)), ...(isModelKnown && { isModelKnown }) };
        },
      });
      await untilState(handle, ({ phase }) => phase === 'submission_unknown');
      await handOver(handle, `${name}--taken-over`);
      await endingOf(handle);
      expect(await shown(handle, 'RunComfyModel')).toBe(isModelKnown ? order.model : 'other');
    }
  });

  it('takes a cost below zero, of which an activity of somebody else may tell, without failing a task', async () => {
    const { handle } = await start({
      readStatus: () => Promise.resolve({ status: 'cancelled', costUsd: -0.015, reads: 2, readAt, nextReadInMs: 0 }),
    });
    expect((await endingOf(handle)).type).toBe('GenerationCancelled');
    const { events = [] } = await handle.fetchHistory();
    expect(events?.filter(({ workflowTaskFailedEventAttributes: failed }) => failed)).toEqual([]);
  });

  it('includes the cost of work that was cancelled elsewhere, and of a further request', async () => {
    const cancelled = await start({
      submitRequest: ({ input }) => Promise.resolve({ ...accepted(`${String(input['name'])}--1`), searchAttributes }),
      readStatus: () => Promise.resolve({ status: 'cancelled', costUsd: 0.25, reads: 2, readAt, nextReadInMs: 0 }),
    });
    const ending = await endingOf(cancelled.handle);
    expect([ending.type, ending.details?.costUsd, ending.state.costUsd]).toEqual(['GenerationCancelled', 0.25, 0.25]);
    expect(await shown(cancelled.handle, 'RunComfyCostUsd')).toBe(0.25);

    const twice = await start({
      readStatus: unfinished,
      cancelRequest: ({ requestId }) =>
        Promise.resolve({
          outcome: 'cancelled',
          status: 'cancelled',
          costUsd: requestId.endsWith('--2') ? 1.26 : 0.5,
          reads: 1,
          readAt,
        }),
    });
    await untilState(twice.handle, ({ reads }) => reads > 0);
    await handOver(twice.handle, `${twice.name}--2`);
    await untilState(twice.handle, ({ otherCostUsd }) => otherCostUsd !== undefined);
    await twice.handle.signal('cancel');
    expect((await endingOf(twice.handle)).details).toMatchObject({ costUsd: 0.5, otherCostUsd: 1.26 });
  });
});

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { GenerationRequest } from '../../domain/generation.ts';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const order: GenerationRequest = { model: 'a/b', input: { prompt: 'x' } };
const startedAt = '2026-11-27T12:00:00.000Z';
const minute = 60_000;
const hour = 60 * minute;
const accepted = { requestId: 'r', submittedAt: startedAt, nextReadInMs: 600_000 };
const known = { searchAttributes: ['RunComfyPhase'], searchAttributesAsOf: startedAt };

/** A generation that hears of its submit so late; Temporal says by then that all our search attributes are gone. */
async function hearing(report: object, afterMs: number) {
  const run = await generationInProcess(sandbox, order, { submits: ['never ends'] });
  await run.stall(afterMs);
  await run.complete('submitRequest', report);
  return run;
}

describe('search attributes that a report of a submit names', () => {
  it('are set where the report is taken in at once', async () => {
    const run = await hearing({ ...accepted, ...known }, 1_000);
    expect(run.shown).toEqual(['RunComfyPhase']);
  });

  it('are asked for anew where no worker has taken the report in for long', async () => {
    const run = await hearing({ ...accepted, ...known }, hour);
    expect(await run.state()).toMatchObject({ phase: 'in_queue', requestId: 'r' });
    expect(run.shown).toEqual([]);
  });

  it('are so of a submit of unknown outcome, too', async () => {
    const run = await generationInProcess(sandbox, order, { submits: ['never ends'] });
    await run.stall(hour);
    await run.fail('submitRequest', 'SubmitOutcomeUnknown', { submission: 'unknown', ...known });
    expect(await run.state()).toMatchObject({ phase: 'submission_unknown' });
    expect(run.shown).toEqual([]);
  });

  it('and of one whose worker was lost', async () => {
    const run = await generationInProcess(sandbox, order, { submits: ['never ends'] });
    await run.stall(hour);
    await run.lose('submitRequest', { stage: 'sending', at: startedAt, ...known });
    expect(await run.state()).toMatchObject({ phase: 'submission_unknown' });
    expect(run.shown).toEqual([]);
  });

  it('are believed as they always were where the worker does not say when it knew them', async () => {
    const run = await hearing({ ...accepted, searchAttributes: ['RunComfyPhase'] }, hour);
    expect(run.shown).toEqual(['RunComfyPhase']);
  });

  it('are set in a replay where an older worker has set them, though it heard of them late', async () => {
    const run = await generationInProcess(sandbox, order, { submits: ['never ends'] });
    await run.stall(hour);
    await run.replay(['search-attributes-may-go']);
    await run.complete('submitRequest', { ...accepted, ...known });
    expect(run.shown).toEqual(['RunComfyPhase']);
  });
});

/** A generation that was told of its submit at once, and asks for its status ten minutes later. */
async function reading() {
  const run = await hearing({ ...accepted, ...known }, 0);
  await run.pass(10 * minute);
  return run;
}

const readAt = '2026-11-27T12:10:00.000Z';
const finished = { status: 'finished', reads: 1, readAt, nextReadInMs: 0 };
const succeeded = {
  status: 'succeeded',
  reads: 1,
  readAt,
  output: { images: ['https://a/b'], videos: [], audios: [] },
};
const stillKnown = { searchAttributes: ['RunComfyPhase'], searchAttributesAsOf: readAt };

describe('search attributes of which nothing has been said for long', () => {
  it('are known again by the answer of a read', async () => {
    const run = await reading();
    await run.complete('readStatus', { ...finished, ...stillKnown });
    expect(run.attributes).toEqual({ RunComfyPhase: 'fetching_result' });
    await run.pass(hour);
    await run.complete('fetchResult', {
      ...succeeded,
      ...stillKnown,
      searchAttributesAsOf: '2026-11-27T13:10:00.000Z',
    });
    expect(run.end()).toBe('completed');
    expect(run.attributes).toEqual({ RunComfyPhase: 'succeeded' });
    expect(run.asked).toEqual(['submitRequest', 'readStatus', 'fetchResult']);
  });

  it('are known again by the answer of a cancel', async () => {
    const answer = { searchAttributes: ['RunComfyPhase'], searchAttributesAsOf: readAt };
    const run = await generationInProcess(sandbox, order, { submits: ['never ends'], cancels: [answer] });
    await run.complete('submitRequest', { ...accepted, ...known });
    await run.pass(10 * minute);
    await run.signal('cancel');
    expect(run.attributes).toEqual({ RunComfyPhase: 'cancelled' });
    expect(run.asked).not.toContain('listSearchAttributes');
  });

  it('are asked of any worker where the answer says nothing, as others may come while a local activity asks', async () => {
    const run = await reading();
    await run.complete('readStatus', finished);
    expect(run.shown).toEqual(['RunComfyPhase']);
    expect(run.asked).toEqual(['submitRequest', 'readStatus', 'listSearchAttributes', 'fetchResult']);
  });

  it('are asked for by a local activity in a replay where an older worker did so', async () => {
    const run = await reading();
    await run.replay(['search-attributes-may-go']);
    await run.complete('readStatus', finished);
    expect(run.asked).toEqual(['submitRequest', 'readStatus', 'listSearchAttributes (local)', 'fetchResult']);
  });

  it('are asked for once more where no worker has taken the answer in for long', async () => {
    const run = await generationInProcess(sandbox, order, { submits: ['never ends'], existing: 'never ends' });
    await run.complete('submitRequest', { ...accepted, ...known });
    await run.pass(10 * minute);
    await run.complete('readStatus', finished);
    await run.stall(hour);
    await run.complete('listSearchAttributes', { existing: ['RunComfyPhase'] });
    expect(run.attributes).toEqual({ RunComfyPhase: 'in_queue' });
    await run.complete('listSearchAttributes', { existing: ['RunComfyPhase'] });
    expect(run.attributes).toEqual({ RunComfyPhase: 'fetching_result' });
  });
});

it.each([
  ['is shown', 255, (model: string) => model],
  ['is shown as any other where it is longer than what PostgreSQL keeps of an attribute', 256, () => 'other'],
])('a model %s', async (_name, length, shownAs) => {
  const model = `a/${'b'.repeat(length - 2)}`;
  const run = await generationInProcess(sandbox, { ...order, model }, { submits: ['never ends'] });
  await run.complete('submitRequest', { ...accepted, searchAttributes: ['RunComfyModel'] });
  expect(run.attributes).toEqual({ RunComfyModel: shownAs(model) });
  expect(await run.state()).toMatchObject({ model });
  await run.dispose();
});

import { describe, expect, it } from 'vitest';
import { activityFailure, endingOf, untilState } from '../../support/generations.ts';
import { accepted, gate, scriptedGenerations } from '../../support/scripted-generations.ts';
import { handOver, resolve, sentAt, submits, unfinished, unknown } from '../../support/unknown-submissions.ts';

const { start } = scriptedGenerations();

describe.concurrent('the policy for a submission of unknown outcome', () => {
  it('fail ends as SubmitOutcomeUnknown at once when the activity itself said so', async () => {
    const { submitRequest, posts } = submits(unknown);
    const { handle } = await start({ submitRequest }, { onUnknownSubmission: 'fail' });
    const { type, details } = await endingOf(handle);
    expect(type).toBe('SubmitOutcomeUnknown');
    expect(details).toMatchObject({ submission: 'unknown', evidence: { sentAt } });
    expect(posts()).toBe(1);
  });

  it('resubmit sends once more, and a second unknown holds', async () => {
    const { submitRequest, posts } = submits(unknown);
    const { handle, name } = await start({ submitRequest }, { onUnknownSubmission: 'resubmit' });
    await untilState(handle, ({ phase }) => phase === 'submission_unknown' && posts() === 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(posts()).toBe(2);
    await handOver(handle, `${name}--one`);
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--one`);
  });

  it('resubmit is not followed once a cancel was asked for', async () => {
    const sending = gate();
    const cancelled: string[] = [];
    const { submitRequest, posts } = submits(() => sending.pass().then(unknown));
    const { handle, name } = await start({ submitRequest, cancelled }, { onUnknownSubmission: 'resubmit' });
    await sending.reached;
    const asked = handle.executeUpdate('cancel');
    await untilState(handle, ({ cancel }) => cancel !== undefined);
    sending.open();
    expect(await asked).toEqual({ outcome: 'unknown', phase: 'submission_unknown' });
    expect(posts()).toBe(1);
    await handOver(handle, `${name}--1`);
    expect((await endingOf(handle)).type).toBe('GenerationCancelled');
    expect(cancelled).toEqual([`${name}--1`]);
  });

  it('resubmit stopped in the backoff of the second submit is unknown, not unsent', async () => {
    const refused = gate();
    const { submitRequest } = submits(unknown, () => {
      refused.touch();
      const more = { retryable: true, nextRetryDelay: 600_000 };
      return Promise.reject(activityFailure('RateLimited', { submission: 'refused' }, more));
    });
    const { handle } = await start({ submitRequest }, { onUnknownSubmission: 'resubmit' });
    await refused.reached;
    expect(await handle.executeUpdate('cancel')).toEqual({ outcome: 'unknown', phase: 'submission_unknown' });
    await resolve(handle, { action: 'abandon' });
    const { type, details } = await endingOf(handle);
    expect({ type, submission: details?.submission }).toEqual({ type: 'SubmitOutcomeUnknown', submission: 'unknown' });
  });
});

describe.concurrent('a further request of the same order', () => {
  it('is named in otherRequestIds and cancelled once', async () => {
    const cancelled: string[] = [];
    const { handle, name } = await start({ readStatus: unfinished, cancelled });
    await untilState(handle, ({ reads }) => reads > 0);
    for (const requestId of [`${name}--1`, `${name}--2`, `${name}--2`]) await handOver(handle, requestId);
    await untilState(handle, ({ otherRequestIds }) => otherRequestIds !== undefined);
    await handOver(handle, `${name}--foreign`, 'another-first-run');
    await handle.signal('cancel');
    const { details } = await endingOf(handle);
    expect(details).toMatchObject({ requestId: `${name}--1`, otherRequestIds: [`${name}--2`] });
    expect(cancelled.sort()).toEqual([`${name}--1`, `${name}--2`]);
  });

  it('found by a submit that was left behind by a handed-over id is cancelled as well', async () => {
    const sending = gate();
    const cancelled: string[] = [];
    const { submitRequest } = submits((name) => sending.pass().then(() => accepted(`${name}--second`)));
    const { handle, name } = await start({ submitRequest, readStatus: unfinished, cancelled });
    await sending.reached;
    await handOver(handle, `${name}--first`);
    await untilState(handle, ({ requestId }) => requestId === `${name}--first`);
    sending.open();
    await untilState(handle, ({ otherRequestIds }) => otherRequestIds?.[0] === `${name}--second`);
    await handle.cancel();
    const { type, state } = await endingOf(handle);
    expect({ type, requestId: state.requestId }).toEqual({ type: 'Canceled', requestId: `${name}--first` });
    expect(cancelled.sort()).toEqual([`${name}--first`, `${name}--second`]);
  });

  it('is no further one when the same id comes both ways', async () => {
    const sending = gate();
    const { submitRequest } = submits((name) => sending.pass().then(() => accepted(`${name}--1`)));
    const { handle, name } = await start({ submitRequest });
    await sending.reached;
    await handOver(handle, `${name}--1`);
    await untilState(handle, ({ requestId }) => requestId !== undefined);
    sending.open();
    const { result, state } = await endingOf(handle);
    expect(result?.requestId).toBe(`${name}--1`);
    expect(state.otherRequestIds ?? []).toEqual([]);
  });
});

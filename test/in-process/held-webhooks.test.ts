import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { GenerationState } from '../../domain/generation.ts';
import { type WebhookEvent, webhookEvents } from '../../domain/webhook/webhook-target.ts';
import { type Command, type Job, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-26T05:00:00.000Z');
const order = {
  model: 'a/b',
  input: { prompt: 'x' },
  webhook: { url: 'https://hooks.example/', secret: 'acme' },
};
const heldId = 'held/webhook/generation.submission_unknown';

let sandbox: Sandbox;
let opened = 0;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const asPayload = (value: unknown) => defaultPayloadConverter.toPayload(value);

/** A submit of which nobody knows what came of it. */
const unknown = {
  failed: {
    failure: {
      message: '',
      activityFailureInfo: { activityType: { name: 'submitRequest' }, activityId: '1' },
      cause: {
        message: 'no answer came',
        applicationFailureInfo: {
          type: 'SubmitOutcomeUnknown',
          nonRetryable: true,
          details: { payloads: [asPayload({ submission: 'unknown' })] },
        },
      },
    },
  },
};

interface Held {
  isArrived?: boolean;
  events?: readonly WebhookEvent[];
  onUnknownSubmission?: 'hold' | 'fail';
}

/** A generation whose submission is held, and whoever was told so: still on its way, or not any more. */
async function hold({ isArrived = false, events, ...more }: Held) {
  opened += 1;
  const runId = `run-${String(opened)}`;
  const args = [{ ...order, ...more, webhook: { ...order.webhook, ...(events && { events }) } }];
  const run = await sandbox.open({ workflowType: 'runcomfyGeneration', workflowId: 'held', runId, args, now });
  const told: string[] = [];
  const calledBack: unknown[] = [];
  let children = 0;

  function answerOf(command: Command): Job[] {
    const { scheduleActivity: call, startChildWorkflowExecution: child } = command;
    if (call?.activityType === 'checkWebhook') {
      const result = { completed: { result: asPayload({ issues: [] }) } };
      return [{ resolveActivity: { seq: call.seq ?? 0, result } }];
    }
    if (call?.activityType === 'submitRequest') {
      return [{ resolveActivity: { seq: call.seq ?? 0, result: unknown } }];
    }
    if (child) {
      children += 1;
      told.push(child.workflowId ?? '');
      const succeeded = { runId: `delivery-${String(children)}` };
      return [{ resolveChildWorkflowExecutionStart: { seq: child.seq ?? 0, succeeded } }];
    }
    const { requestCancelExternalWorkflowExecution: cancel } = command;
    if (!cancel) return [];
    calledBack.push(cancel.workflowExecution);
    const failure = isArrived ? { failure: { message: 'it has ended' } } : {};
    return [{ resolveRequestCancelExternalWorkflow: { seq: cancel.seq ?? 0, ...failure } }];
  }

  async function take(jobs: Job[]): Promise<void> {
    let commands = await run.activate(jobs, { now });
    for (;;) {
      const answers = commands.flatMap(answerOf);
      if (answers.length === 0) return;
      commands = await run.activate(answers, { now });
    }
  }

  await take([run.first]);
  const signal = (signalName: string, payload: object) =>
    take([{ signalWorkflow: { signalName, input: toPayloads(defaultPayloadConverter, payload) ?? [] } }]);
  return {
    told,
    calledBack,
    handOver: () => signal('requestAccepted', { requestId: 'request-1', firstExecutionRunId: runId }),
    decide: (action: object) => {
      const input = toPayloads(defaultPayloadConverter, action) ?? [];
      const update = { id: 'd', protocolInstanceId: 'd', name: 'resolveSubmission', input, runValidator: true };
      return take([{ doUpdate: { ...update, meta: {} } }]);
    },
    cancelWorkflow: () => take([{ cancelWorkflow: { reason: 'a test' } }]),
    state: async () => (await run.query('state')) as GenerationState,
  };
}

const delivery = (number: number) => ({ workflowId: heldId, runId: `delivery-${String(number)}` });

describe('that a person is needed', () => {
  it('is told no more once the id has turned up', async () => {
    const { told, calledBack, handOver, state } = await hold({});
    expect([told, calledBack]).toEqual([[heldId], []]);
    await handOver();
    expect(await state()).toMatchObject({ phase: 'in_queue', requestId: 'request-1' });
    expect(calledBack).toMatchObject([delivery(1)]);
  });

  it('is told no more once the workflow was cancelled, and that is told instead', async () => {
    const { told, calledBack, cancelWorkflow } = await hold({});
    await cancelWorkflow();
    expect(calledBack).toMatchObject([delivery(1)]);
    expect(told).toEqual([heldId, 'held/webhook/generation.cancelled']);
  });

  it('is told as long as nobody has settled it: whoever gave it up says so beside it', async () => {
    const { told, calledBack, decide } = await hold({});
    await decide({ action: 'abandon' });
    expect([told, calledBack]).toEqual([[heldId, 'held/webhook/generation.failed'], []]);
  });

  const ofFailures = ['generation.failed'] as const;
  const unknownAlone = ['generation.submission_unknown'] as const;
  it.each([
    ['as a failure', 'hold', ofFailures, ['held/webhook/generation.failed']],
    ['as a failure', 'fail', ofFailures, ['held/webhook/generation.failed']],
    ['as what it is', 'fail', webhookEvents, [heldId]],
    ['as what it is', 'fail', unknownAlone, [heldId]],
    ['no second time', 'hold', unknownAlone, [heldId]],
    ['to nobody', 'fail', ['generation.succeeded'], []],
  ] as const)('is told %s at the end, by policy %s and events %j', async (_how, onUnknownSubmission, events, words) => {
    const { told, decide, state } = await hold({ events, onUnknownSubmission });
    if (onUnknownSubmission === 'hold') await decide({ action: 'abandon' });
    expect(await state()).toMatchObject({ phase: 'submission_unknown', failure: { type: 'SubmitOutcomeUnknown' } });
    expect(told).toEqual(words);
  });

  it.each([
    ['again, where the first word was called back', false, [heldId, heldId]],
    ['once, where the first word has arrived', true, [heldId]],
  ])('is told of a further order that is held %s', async (_what, isArrived, words) => {
    const { told, calledBack, decide, state } = await hold({ isArrived });
    await decide({ action: 'resubmit' });
    expect(calledBack).toMatchObject([delivery(1)]);
    expect(await state()).toMatchObject({ phase: 'submission_unknown' });
    expect(told).toEqual(words);
  });
});

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call, type GatewayAnswer, type GatewayCall, gatewayStack, untilOver } from '../support/gateway-stack.ts';

const stack = gatewayStack();

/** One model for each way in which RunComfy can behave, so that the rows do not meet. */
const models = {
  busy: 'blackforestlabs/flux-2/flash/text-to-image',
  loses: 'blackforestlabs/flux-2-klein/4b/text-to-image',
  queues: 'blackforestlabs/flux-2-klein/9b/text-to-image',
  runs: 'google/nano-banana-2-lite/text-to-image',
  strange: 'google/nano-banana-2/text-to-image',
  lags: 'openai/gpt-image-2/text-to-image',
  fails: 'wan-ai/wan-2.7/text-to-image',
  refuses: 'ideogram-ai/ideogram-v4/text-to-image',
};

beforeAll(() => {
  stack.simulator().setFaults([
    { fault: 'unavailable-json', step: 'submit', model: models.busy },
    { fault: 'accept-then-reset', step: 'submit', model: models.loses },
    { fault: 'stuck-in-queue', step: 'submit', model: models.queues },
    { fault: 'stuck-running', step: 'submit', model: models.runs },
    { fault: 'unknown-status-word', step: 'status', model: models.strange },
    { fault: 'result-lags', step: 'result', model: models.lags },
    { fault: 'job-fails', step: 'submit', model: models.fails, word: 'The prompt was refused: 401 timeout' },
    { fault: 'error-code-200', step: 'submit', model: models.refuses },
  ]);
});

async function order(model: string, headers: Record<string, string> = {}): Promise<string> {
  const body = { prompt: randomUUID() };
  const answer = await call(stack.url(), `/v1/models/${model}`, { method: 'POST', headers, body });
  expect(answer.status, answer.text).toBe(200);
  return String(answer.json['request_id']);
}

const read = (id: string, what: 'status' | 'result') => call(stack.url(), `/v1/requests/${id}/${what}`);
const cancel = (id: string, more: Pick<GatewayCall, 'headers' | 'body'> = {}) =>
  call(stack.url(), `/v1/requests/${id}/cancel`, { method: 'POST', ...more });

async function untilPhase(id: string, phase: string): Promise<GatewayAnswer> {
  let answer: GatewayAnswer | undefined;
  await eventually(async () => {
    answer = await read(id, 'status');
    expect([answer.status, answer.headers['runcomfy-temporal-phase']]).toEqual([200, phase]);
  });
  return answer as GatewayAnswer;
}

/** `/status`, then `/result`, of a generation that is over. */
async function endOf(id: string): Promise<[status: unknown, result: unknown, error: unknown]> {
  const { status, result } = await untilOver(stack.url(), id);
  expect(result.json).not.toHaveProperty('error_code');
  return [status.json['status'], result.json['status'], result.json['error']];
}

describe.concurrent('what is said of a generation that', () => {
  it.each<[phase: string, model: keyof typeof models, word: string]>([
    ['submitting', 'busy', 'in_queue'],
    ['submission_unknown', 'loses', 'in_queue'],
    ['in_queue', 'queues', 'in_queue'],
    ['in_progress', 'runs', 'in_progress'],
    ['fetching_result', 'lags', 'in_progress'],
  ])('is %s', async (phase, model, word) => {
    const id = await order(models[model]);
    const status = await untilPhase(id, phase);
    expect(status.json['status']).toBe(word);
    const result = await read(id, 'result');
    expect(result).toMatchObject({ status: 200, json: { request_id: id, status: word, model_id: models[model] } });
    if (phase !== 'in_queue') return;
    await eventually(async () => expect((await read(id, 'status')).json['queue_position']).toBeGreaterThan(0));
  });

  it('is in a status that nobody knows: the last one known', async () => {
    const id = await order(models.strange);
    await eventually(() => {
      const job = stack
        .simulator()
        .ledger()
        .jobs.find(({ model }) => model === models.strange);
      expect(job?.statusCalls).toBeGreaterThan(2);
    });
    expect(['in_queue', 'in_progress']).toContain((await read(id, 'status')).json['status']);
  });

  it('RunComfy failed: its own words, whatever they are', async () => {
    expect(await endOf(await order(models.fails))).toEqual([
      'completed',
      'failed',
      'The prompt was refused: 401 timeout',
    ]);
  });

  it('RunComfy refused: what, and that nothing was billed', async () => {
    const [status, result, error] = await endOf(await order(models.refuses));
    expect([status, result]).toEqual(['completed', 'failed']);
    expect(error).toMatch(/^Unauthenticated: .*; nothing was billed\.$/);
    expect(error).not.toMatch(/401|429|timed out|timeout|unauthorized/i);
  });

  it('ended with its submission unknown', async () => {
    const id = await order(models.loses, { 'runcomfy-temporal-on-unknown': 'fail' });
    const [status, result, error] = await endOf(id);
    expect([status, result]).toEqual(['completed', 'failed']);
    expect(error).toMatch(/^SubmitOutcomeUnknown: .* may have been accepted and billed/);
  });

  it('was cancelled in the queue', async () => {
    const id = await order(models.queues);
    await untilPhase(id, 'in_queue');
    const answer = { request_id: id, status: 'cancelled', outcome: 'cancelled' };
    const reason = 'the customer left';
    expect(await cancel(id, { body: { reason } })).toMatchObject({ status: 202, json: answer });
    expect(await endOf(id)).toEqual(['cancelled', 'cancelled', undefined]);
    const { json } = await call(stack.url(), `/api/v1/generations/${id}`);
    expect(json).toMatchObject({ cancel: { reason, outcome: 'cancelled' } });
    for (const odd of [
      {},
      { body: Buffer.from([0xff, 0x7b, 0x00]), headers: { 'content-type': 'application/octet-stream' } },
      { body: '{"reason":', headers: { 'content-type': 'application/json' } },
      { body: '{}', headers: { expect: '100-continue' } },
      { body: '', headers: { 'content-type': 'application/octet-stream' } },
    ])
      expect(await cancel(id, odd)).toMatchObject({ status: 202, json: answer });
  });

  it('was cancelled before RunComfy took it', async () => {
    const id = await order(models.busy);
    expect(await cancel(id)).toMatchObject({ status: 202, json: { status: 'cancelled', outcome: 'cancelled' } });
    expect(await endOf(id)).toEqual(['cancelled', 'cancelled', undefined]);
  });

  it('is cancelled while it runs: it goes on', async () => {
    const id = await order(models.runs);
    await untilPhase(id, 'in_progress');
    const answer = { status: 'in_progress', outcome: 'not_cancellable' };
    expect(await cancel(id)).toMatchObject({ status: 202, json: answer });
    expect((await read(id, 'status')).json['status']).toBe('in_progress');
  });

  it('is cancelled while its submission is unknown: nothing is known yet', async () => {
    const id = await order(models.loses);
    await untilPhase(id, 'submission_unknown');
    expect(await cancel(id)).toMatchObject({ status: 504, json: { error_code: 504001 } });
  });

  it("ended with its submission unknown: no request that is another's, or nobody's, is taken for its own", async () => {
    const [id, other] = [await order(models.loses), await order(models.queues)];
    await Promise.all([untilPhase(id, 'submission_unknown'), untilPhase(other, 'in_queue')]);
    const target = `${stack.simulator().modelApiBase}/models/${models.queues}`;
    const theirs = await fetch(target, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'of another account' }),
      headers: { authorization: 'Bearer sim-somebody-else', 'content-type': 'application/json' },
    });
    const { request_id: foreign } = (await theirs.json()) as { request_id: string };
    const used = String((await read(other, 'status')).headers['runcomfy-request-id']);
    await eventually(async () => {
      const { json } = await call(stack.url(), `/api/v1/generations?keyPrefix=${other}`);
      expect(json).toMatchObject({ generations: [{ requestId: used }] });
    });
    for (const [requestId, reason] of [
      ['never-there', /never-there/],
      [foreign, /another account/],
      [used, /is that of another generation already/],
    ] as const) {
      const body = { action: 'adopt', requestId };
      const refused = await call(stack.url(), `/api/v1/generations/${id}/resolution`, { method: 'POST', body });
      expect(refused, requestId).toMatchObject({ status: 409, json: { name: 'ResolutionRefused' } });
      expect(refused.json['detail'], requestId).toMatch(reason);
    }
    await untilPhase(id, 'submission_unknown');
  });

  it('is cancelled while its result is fetched: too late', async () => {
    const id = await order(models.lags);
    await untilPhase(id, 'fetching_result');
    const answer = { status: 'in_progress', outcome: 'not_cancellable' };
    expect(await cancel(id)).toMatchObject({ status: 202, json: answer });
  });

  it('was detached from work that runs on: never cancelled, since it may be billed', async () => {
    const id = await order(models.runs);
    await untilPhase(id, 'in_progress');
    await stack.client().workflow.getHandle(id).cancel();
    expect(await endOf(id)).toEqual([
      'completed',
      'failed',
      expect.stringMatching(/^detached: RunComfy's work \(request .+\) may run on and be billed$/),
    ]);
  });

  it('was terminated in Temporal', async () => {
    const id = await order(models.queues);
    await untilPhase(id, 'in_queue');
    await stack.client().workflow.getHandle(id).terminate();
    const [status, result, error] = await endOf(id);
    expect([status, result]).toEqual(['completed', 'failed']);
    expect(error).toMatch(/^terminated in Temporal; RunComfy was not told; RunComfy may bill it \(request .+\)$/);
  });

  it('was given up at its deadline', async () => {
    // It counts from the start: long enough for the submit before it, on a machine that has much else to do.
    const id = await order(models.runs, { 'cancel-after': '60s' });
    const [status, result, error] = await endOf(id);
    expect([status, result]).toEqual(['completed', 'failed']);
    expect(error).toMatch(/^GenerationTimedOut: .*RunComfy may finish it \(request .+\)\.$/);
  });

  it('is none: of another type, of nobody', async () => {
    const workflowId = `other-${randomUUID()}`;
    await stack.client().workflow.start('somethingElse', { workflowId, taskQueue: 'nobody', args: [] });
    const texts = [];
    for (const id of [workflowId, 'never-existed', 'x'.repeat(129), 'a%2Fb', '..%2Fx']) {
      for (const what of ['status', 'result'] as const) {
        const answer = await read(id, what);
        expect([id, answer.status]).toEqual([id, 404]);
        texts.push(answer.text);
      }
    }
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('404001');
    const taken = await call(stack.url(), `/v1/models/${models.queues}`, {
      method: 'POST',
      body: { prompt: 'x' },
      headers: { 'idempotency-key': workflowId },
    });
    expect(taken).toMatchObject({ status: 422, json: { error_code: 422002 } });
    const own = '/api/v1/generations';
    const body = { key: workflowId, model: models.queues, input: { prompt: 'x' } };
    const inUse = await call(stack.url(), own, { method: 'POST', body });
    expect(inUse).toMatchObject({ status: 422, json: { name: 'KeyInUse' } });
    expect(await call(stack.url(), `${own}/${workflowId}`)).toMatchObject({ status: 404 });
    await stack.client().workflow.getHandle(workflowId).terminate();
  });
});

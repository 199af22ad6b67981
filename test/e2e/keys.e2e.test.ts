import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createGenerationClient, type GenerationHandle } from '../../client/index.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import type { FaultRule } from '../../simulator/index.ts';
import {
  connectClient,
  createStack,
  type GenerationStack,
  jobsNamed,
  orderNamed,
} from '../support/generation-stack.ts';
import { startWorkerProcess, until } from '../support/processes.ts';

interface Failing {
  type: FailureType;
  /** Scopes the rules. */
  model: string;
  rules: FaultRule[];
  request?: Partial<GenerationRequest>;
  isCancelled?: boolean;
  /** Whether it provably cost nothing, so that `retry: 'if-unbilled'` may start it anew. */
  isUnbilled: boolean;
}

const failing: Failing[] = [
  {
    type: 'InvalidInput',
    model: 'google/nano-banana-2/text-to-image',
    rules: [{ fault: 'model-removed', step: 'submit', times: 1 }],
    isUnbilled: true,
  },
  {
    type: 'Unauthenticated',
    model: 'openai/gpt-image-2/text-to-image',
    rules: [{ fault: 'token-revoked', step: 'submit', times: 1 }],
    isUnbilled: true,
  },
  {
    type: 'InsufficientBalance',
    model: 'wan-ai/wan-2.7/text-to-image',
    rules: [{ fault: 'http-status', step: 'submit', httpStatus: 402, errorCode: 400_002, times: 1 }],
    isUnbilled: true,
  },
  {
    type: 'GenerationCancelled',
    model: 'google/nano-banana-2-lite/text-to-image',
    rules: [{ fault: 'rate-limited', step: 'submit', retryAfter: 1, untilReleased: true }],
    isCancelled: true,
    isUnbilled: true,
  },
  {
    type: 'GenerationCancelled',
    model: 'kling/kling-3.0/pro/text-to-video',
    rules: [{ fault: 'stuck-in-queue', step: 'submit' }],
    isCancelled: true,
    isUnbilled: false,
  },
  {
    type: 'GenerationFailed',
    model: 'ideogram-ai/ideogram-v4/text-to-image',
    rules: [{ fault: 'job-fails', step: 'submit' }],
    isUnbilled: false,
  },
  {
    type: 'GenerationTimedOut',
    model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
    rules: [{ fault: 'stuck-in-queue', step: 'submit' }],
    request: { deadlineMs: 60_000 },
    isUnbilled: false,
  },
  {
    type: 'SubmitOutcomeUnknown',
    model: 'blackforestlabs/flux-2/flash/text-to-image',
    rules: [{ fault: 'accept-then-reset', step: 'submit' }],
    request: { onUnknownSubmission: 'fail' },
    isUnbilled: false,
  },
  {
    type: 'RequestNotFound',
    model: 'kling/kling-3.0/standard/text-to-video',
    rules: [{ fault: 'not-found', step: 'status' }],
    isUnbilled: false,
  },
  {
    type: 'ProtocolMismatch',
    model: 'kling/kling-3.0/4k/text-to-video',
    rules: [{ fault: 'empty-lists', step: 'result' }],
    isUnbilled: false,
  },
];

const hostileKeys = [
  `it's "quoted" \`three\` ways`,
  `' OR WorkflowId != '`,
  `a''b\\'c`,
  'línea · 注文 · заказ · 🎬',
  '../../etc/passwd?x=1#y%2F',
  'with\ttab and  spaces ',
  '{"json":[1,2]}',
  `$(touch /tmp/x); rm -rf ~ | cat`,
  'k'.repeat(200),
];

describe.concurrent('the same key', () => {
  it('from many clients at once, and again after success, is one generation and one job', async () => {
    const { settings, simulator, generations, checkAll } = await createStack();
    await startWorkerProcess(settings);
    const key = `shared ${randomUUID()}`;
    const clients = await Promise.all(
      Array.from({ length: 8 }, async () =>
        createGenerationClient({ client: await connectClient(), taskQueue: settings.taskQueue }),
      ),
    );
    const started = await Promise.all(
      [...clients, ...clients, ...clients].map((client) => client.start(orderNamed('shared'), { key })),
    );
    expect(started.filter(({ attached }) => !attached)).toHaveLength(1);
    const results = await Promise.all(started.map((generation) => generation.result()));
    expect(new Set(results.map(({ requestId }) => requestId)).size).toBe(1);

    const again = await generations.start(orderNamed('shared'), { key });
    expect(again).toMatchObject({ attached: true, runId: started[0]?.runId });
    expect(await again.result()).toEqual(results[0]);
    const retried = await generations.start(orderNamed('shared'), { key, retry: 'if-unbilled' });
    expect(retried).toMatchObject({ attached: true, runId: started[0]?.runId });
    expect(simulator.ledger().totals).toMatchObject({ submits: 1, accepted: 1, charged: 1 });
    await checkAll([key]);
  });

  it('with another input or model is refused in a clear sentence, and sends nothing', async () => {
    const { settings, simulator, generations } = await createStack();
    await startWorkerProcess(settings);
    const key = `taken ${randomUUID()}`;
    const first = await generations.start(orderNamed('first'), { key });
    const others = [
      orderNamed('second'),
      { ...orderNamed('first'), model: 'kling/kling-3.0/pro/image-to-video' },
      { ...orderNamed('first'), input: { ...orderNamed('first').input, duration: 5 } },
    ];
    for (const other of others) {
      for (const options of [{ key }, { key, retry: 'if-unbilled' as const }]) {
        await expect(generations.start(other, options)).rejects.toMatchObject({
          type: 'KeyInUse',
          message: expect.stringContaining(`key "${key}" is in use`) as string,
        });
      }
    }
    await first.result();
    await expect(generations.start(orderNamed('second'), { key })).rejects.toMatchObject({ type: 'KeyInUse' });
    expect(simulator.ledger().totals).toMatchObject({ submits: 1, accepted: 1 });
  });

  it('after each kind of failure gives that failure again, and starts anew only when asked and where nothing was billed', async () => {
    const faults = failing.flatMap(({ model, rules }) => rules.map((rule) => ({ ...rule, model })));
    const stack = await createStack({ simulator: { faults } });
    await startWorkerProcess(stack.settings);
    // A limit holds back every order of the worker: the kind that meets one comes last.
    const isLimited = ({ rules }: Failing) => rules.some(({ fault }) => fault === 'rate-limited');
    const others = failing.filter((kind) => !isLimited(kind));
    const keys = await Promise.all(others.map((kind) => failAndOrderAgain(stack, kind)));
    for (const kind of failing.filter(isLimited)) keys.push(await failAndOrderAgain(stack, kind));
    await stack.checkAll(keys);
  });

  it('may be used for a corrected order once the first provably cost nothing, by one of those who correct it at once', async () => {
    const faults: FaultRule[] = [
      { fault: 'model-removed', step: 'submit', model: 'google/nano-banana-2/text-to-image' },
    ];
    const { settings, simulator, generations, checkAll } = await createStack({ simulator: { faults } });
    await startWorkerProcess(settings);
    const key = `corrected ${randomUUID()}`;
    const typo = { model: 'google/nano-banana-2/text-to-image', input: { prompt: key } };
    const corrected = { model: 'google/nano-banana-2-lite/text-to-image', input: { prompt: key } };
    await expect((await generations.start(typo, { key })).result()).rejects.toMatchObject({ type: 'InvalidInput' });
    await expect(generations.start(corrected, { key })).rejects.toMatchObject({ type: 'KeyInUse' });
    expect(jobsNamed(simulator, key)).toHaveLength(0);

    const retry = { key, retry: 'if-unbilled' as const };
    const both = await Promise.all([generations.start(corrected, retry), generations.start(corrected, retry)]);
    const results = await Promise.all(both.map((generation) => generation.result()));
    expect(new Set(results.map(({ requestId }) => requestId)).size).toBe(1);
    expect(both.filter(({ attached }) => !attached)).toHaveLength(1);
    expect(jobsNamed(simulator, key)).toHaveLength(1);
    const another = generations.start({ ...corrected, input: { prompt: `${key} again` } }, retry);
    await expect(another).rejects.toMatchObject({ type: 'KeyInUse' });
    expect(simulator.ledger().totals).toMatchObject({ accepted: 1 });
    await checkAll([key]);
  });

  it('may be hostile in characters or length', async () => {
    const model = 'google/nano-banana-2/text-to-image';
    const faults: FaultRule[] = [{ fault: 'model-removed', step: 'submit', model }];
    const { settings, simulator, generations, client, checkAll } = await createStack({ simulator: { faults } });
    await startWorkerProcess(settings);
    const suffix = randomUUID();
    const orders = hostileKeys.map((hostile, index) => {
      const name = `hostile ${String(index)}`;
      return { key: `${hostile}${suffix}`, name, order: { model, input: { prompt: name } } };
    });
    await Promise.all(
      orders.map(async ({ key, order }) => {
        const refused = await generations.start(order, { key });
        await expect(refused.result()).rejects.toMatchObject({ type: 'InvalidInput', key, submission: 'refused' });
      }),
    );
    simulator.setFaults([]);
    await Promise.all(
      orders.map(async ({ key, name, order }) => {
        const both = await Promise.all([1, 2].map(() => generations.start(order, { key, retry: 'if-unbilled' })));
        const results = await Promise.all(both.map((generation) => generation.result()));
        expect(results.map(({ output }) => output.images.length)).toEqual([1, 1]);
        expect(jobsNamed(simulator, name)).toHaveLength(1);
        expect((await (await generations.get(key)).state()).phase).toBe('succeeded');
        expect((await client.workflow.getHandle(key).describe()).workflowId).toBe(key);
      }),
    );
    await checkAll(orders.map(({ key }) => key));
    const tooLong = generations.start(orderNamed('too long'), { key: 'k'.repeat(70_000) });
    await expect(tooLong).rejects.toMatchObject({ type: 'InvalidInput', submission: 'not_sent' });
    expect(jobsNamed(simulator, 'too long')).toEqual([]);
  });
});

/** Lets a generation fail, orders it again under its key in every way, and returns the key. */
async function failAndOrderAgain(stack: GenerationStack, kind: Failing): Promise<string> {
  const { generations, simulator, settings } = stack;
  const { type, model, isUnbilled } = kind;
  const name = `${type} ${isUnbilled ? 'unbilled' : 'billed'} ${randomUUID()}`;
  const order = { model, input: { prompt: name }, ...kind.request };
  const first = await generations.start(order, { key: name });
  if (kind.isCancelled === true) await cancelOnceAsked(stack, first, kind);
  const before = await failureOf(first);
  expect(before).toMatchObject({ type });
  const jobs = jobsNamed(simulator, name).length;
  expect([name, jobs]).toEqual([name, isUnbilled ? 0 : 1]);

  const again = await generations.start(order, { key: name });
  expect(again).toMatchObject({ attached: true, runId: first.runId });
  expect(await failureOf(again)).toEqual(before);

  const others = await Promise.all(
    Array.from({ length: 2 }, async () =>
      createGenerationClient({ client: await connectClient(), taskQueue: settings.taskQueue }),
    ),
  );
  const retried = await Promise.all(others.map((client) => client.start(order, { key: name, retry: 'if-unbilled' })));
  if (isUnbilled) {
    const results = await Promise.all(retried.map((generation) => generation.result()));
    expect(results[0]?.requestId).toBe(results[1]?.requestId);
    expect(retried.every(({ runId }) => runId !== first.runId)).toBe(true);
  } else {
    for (const generation of retried) {
      expect(generation).toMatchObject({ attached: true, runId: first.runId });
      expect(generation.notices.join()).toContain('not started again');
      expect(await failureOf(generation)).toEqual(before);
    }
  }
  expect([name, jobsNamed(simulator, name).length]).toEqual([name, 1]);
  return name;
}

async function cancelOnceAsked(
  { simulator }: GenerationStack,
  generation: GenerationHandle,
  kind: Failing,
): Promise<void> {
  await until(`RunComfy was asked for ${kind.model}`, () =>
    simulator.events().some(({ path, step }) => step === 'submit' && String(path).endsWith(kind.model)),
  );
  expect(await generation.cancel()).toMatchObject({ outcome: kind.isUnbilled ? 'not_submitted' : 'cancelled' });
  if (kind.isUnbilled) simulator.release();
}

async function failureOf(generation: GenerationHandle): Promise<{ type: string; message: string }> {
  return await generation
    .result()
    .then(
      () => ({ type: 'succeeded', message: '' }),
      (error: unknown) => error as { type: string; message: string },
    )
    .then(({ type, message }) => ({ type, message }));
}

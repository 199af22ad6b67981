import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createStack, type GenerationStack } from '../../support/generation-stack.ts';
import { endingOf, historiesOf, historyJson } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { kling, klingInput } from '../../support/simulator-client.ts';
import { repeatedTexts } from '../../support/told-once.ts';

const list = <Item>(length: number, item: Item) => Array.from({ length }, () => item);

/** Inputs within Temporal's own limits; the last two are small enough to reach the checks before the POST. */
const inputs: [name: string, input: Record<string, unknown>][] = [
  ['a list of 150,000 items', { ...klingInput, multi_prompt: list(150_000, 1) }],
  ['a list of 400,000 items', { ...klingInput, elements: list(400_000, 1) }],
  ['a list of 30,000 wrong items', { ...klingInput, multi_prompt: list(30_000, 'wrong') }],
  [
    'a hundred thousand fields',
    Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${String(index)}`, 1])),
  ],
  [
    'long keys inside each other',
    list(95, 'd'.repeat(15_000)).reduce<object>((inner, key) => ({ [key]: inner, n: 2 ** 60 }), {}) as Record<
      string,
      unknown
    >,
  ],
  ['a list of 19,000 wrong items', { ...klingInput, elements: [{ reference_image_urls: list(19_000, 7) }] }],
  [
    'a list of 19,000 wrong URLs',
    { ...klingInput, elements: [{ reference_image_urls: list(19_000, 'http://a.example/b.png') }] },
  ],
];

async function withWorker(): Promise<GenerationStack & { start: (argument: unknown) => Promise<string> }> {
  const stack = await createStack();
  const workers = await inProcessWorkers(stack.client, stack.simulator.modelApiBase);
  await workers.start();
  const start = async (argument: unknown) => {
    const key = `large ${randomUUID()}`;
    await stack.client.workflow.start('runcomfyGeneration', {
      workflowId: key,
      taskQueue: workers.taskQueue,
      args: [argument],
    });
    return key;
  };
  return { ...stack, start };
}

describe.concurrent('an order of any size that Temporal takes', () => {
  it.each(inputs)('ends as InvalidInput, unsent, by workflow tasks that all succeed: %s', async (_name, input) => {
    const { client, simulator, start, checkAll } = await withWorker();
    const key = await start({ model: kling, input });
    const { type, message, details } = await endingOf(client.workflow.getHandle(key) as never);
    expect([type, details?.submission]).toEqual(['InvalidInput', 'not_sent']);
    expect(details?.issues?.length).toBeLessThanOrEqual(51);
    expect(message?.length).toBeLessThan(5_000);
    expect(simulator.ledger().totals.accepted).toBe(0);
    await checkAll([key]);
    const [history] = await historiesOf(client, key);
    expect(repeatedTexts(history ?? {})).toEqual([]);
    const given = JSON.stringify({ model: kling, input }).length;
    // The argument stands in the start and in each activity that looks at it, in base64; a submit that got lost is another one.
    const submits = (history?.events ?? []).filter(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'submitRequest',
    );
    expect(historyJson(history ?? {}).length).toBeLessThan(1.4 * (1 + submits.length) * given + 150_000);
  });

  it('ends as InvalidInput for a request of twenty-four thousand unknown fields, each counted', async () => {
    const { client, start, checkAll } = await withWorker();
    const extra = Object.fromEntries(Array.from({ length: 24_000 }, (_, index) => [`f${String(index)}`, 1]));
    const key = await start({ model: kling, input: klingInput, ...extra, waiting: extra });
    const { type, details } = await endingOf(client.workflow.getHandle(key) as never);
    expect(type).toBe('InvalidInput');
    expect(details?.issues).toContainEqual({ path: 'request.…', message: '23980 more unknown fields' });
    await checkAll([key]);
  });
});

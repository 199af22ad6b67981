import { defaultPayloadConverter } from '@temporalio/common';
import {
  type BatchItem,
  batchLimits,
  type BatchLine,
  type BatchRequest,
  type BatchState,
  type BatchTail,
} from '../../../domain/batch/batch.ts';
import { flux } from '../../support/simulator-client.ts';
import type { Sandbox } from '../../support/workflow-sandbox.ts';
import { createVirtualTime } from '../pipelines/virtual-time.ts';
import { type BatchExecution, startBatchExecution } from './execution.ts';
import { createOutside, type Outside, priceUsd } from './orders.ts';
import type { BatchScript, WishScript } from './script.ts';

/** What one random batch said of itself, and did. */
export interface PlayedBatch {
  /** Ids of the items that were taken, in their order. */
  taken: string[];
  end: NonNullable<BatchExecution['end']>;
  states: BatchState[];
  /** Of each state the lines that no page had yet. */
  tails: BatchTail[];
  lines: BatchLine[];
  outside: Outside;
  /** It does not wait for what runs. */
  isLetGo: boolean;
  /** The limit of money was taken away. */
  isUnlimited: boolean;
  runs: number;
  events: number;
}

const wishNames = { pause: 'pause', resume: 'resume', set: 'set', cancel: 'cancel', detach: 'cancel', junk: 'set' };

/** Plays a batch in process: the real workflow and activities, on a clock, orders and messages of its own. */
export async function playBatch(sandbox: Sandbox, script: BatchScript, seed: number): Promise<PlayedBatch> {
  const time = createVirtualTime(seed);
  const outside = createOutside(script, time);
  const items = itemsFrom(0, script.items);
  const request: BatchRequest = {
    items,
    keepOpen: script.adds.length > 0,
    defaults: { model: flux, maxPriceUsd: priceUsd },
    window: script.window,
    pauseAfterFailures: script.pauseAfterFailures,
    ...(script.maxCostUsd !== undefined && { maxCostUsd: script.maxCostUsd }),
  };
  const execution = await startBatchExecution({ sandbox, time, outside, script, id: `batch-${String(seed)}`, request });
  const taken = items.map(({ id }) => id);
  let [isLetGo, isUnlimited] = [false, false];

  const tell = (name: string, payload: unknown, way: WishScript['way']) => {
    if (way === 'update') return execution.update(name, payload).catch(() => undefined);
    const input = [defaultPayloadConverter.toPayload(payload)];
    execution.push({ signalWorkflow: { signalName: name, input, identity: 'fuzz' } });
    return Promise.resolve(undefined);
  };
  for (const { afterMs, wish, way, window } of script.wishes) {
    const payload = wish === 'set' ? { window } : wish === 'junk' ? { window: -1 } : { detach: wish === 'detach' };
    time.after(afterMs, () => {
      isLetGo ||= wish === 'detach';
      // There is no signal of this name: what nobody listens to is kept by Temporal, and changes nothing.
      void tell(wishNames[wish], payload, wish === 'set' || wish === 'junk' ? 'update' : way);
    });
  }
  if (script.isCancelledAfterMs !== undefined) {
    time.after(script.isCancelledAfterMs, () => {
      isLetGo = true;
      execution.push({ cancelWorkflow: {} });
    });
  }
  void fill(script, time.after, { execution, outside, taken });
  /** Somebody looks every now and then, mends what is wrong, and has it go on. */
  const look = () => {
    if (execution.end) return;
    const paused = execution.states.at(-1)?.paused;
    if (paused) {
      outside.wall = undefined;
      if (paused.reason === 'max_cost') {
        isUnlimited = true;
        void tell('set', { maxCostUsd: null }, 'update');
      }
      void tell('resume', {}, 'signal');
    }
    time.after(45_000, look);
  };
  time.after(45_000, look);
  await time.run(() => execution.end !== undefined);
  const { end, states, tails, runs, events } = execution;
  if (end === undefined) throw new Error(`the batch never ended: ${JSON.stringify(states.at(-1))}`);
  const lines = [...outside.pages.lines].sort(([a], [b]) => a - b).flatMap(([, page]) => page);
  return { taken, end, states, tails, lines, outside, isLetGo, isUnlimited, runs, events };
}

/** Adds items behind one another, each message twice, and seals. */
async function fill(
  script: BatchScript,
  after: (ms: number, run: () => void) => void,
  { execution, outside, taken }: { execution: BatchExecution; outside: Outside; taken: string[] },
): Promise<void> {
  if (script.adds.length === 0) return;
  for (const { afterMs, count, isPage } of script.adds) {
    await new Promise<void>((resolve) => {
      after(afterMs, resolve);
    });
    const more = itemsFrom(taken.length, count);
    const page = Math.max(-1, ...outside.pages.items.keys()) + 1;
    const isAdded = isPage && count <= batchLimits.pageItems;
    if (isAdded) outside.pages.items.set(page, more);
    const message = { from: taken.length, ...(isAdded ? { count, page } : { items: more }) };
    const replies = await Promise.all([1, 2].map(() => execution.update('add', message).catch(() => undefined)));
    // Where it was cancelled meanwhile none of them is taken.
    if (replies.some((reply) => reply !== undefined)) taken.push(...more.map(({ id }) => id));
  }
  await execution.update('seal');
}

function itemsFrom(from: number, count: number): BatchItem[] {
  return Array.from({ length: count }, (_, at) => {
    const id = `item-${String(from + at)}`;
    return { id, input: { prompt: id } };
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect } from 'vitest';
import type { BatchHandle, BatchItem, BatchLine, BatchState, KnownBatchState } from '../../client/index.ts';
import type { WindowQuestion } from '../../domain/batch/batch-activities.ts';
import type { SimulatorOptions } from '../../simulator/index.ts';
import { eventually, untilSeen } from './eventually.ts';
import { checkExecutions, historiesOf } from './generations.ts';
import { createPatience, hangMs } from './patience.ts';
import { type PipelineStack, pipelineStack } from './pipelines.ts';
import { recordHistories } from './record-history.ts';

/** Everything a test of batches needs. */
export type BatchStack = PipelineStack & { batches: PipelineStack['generations']['batches'] };

/** Creates batches on the simulator. */
export async function batchStack(options: SimulatorOptions = {}): Promise<BatchStack> {
  const stack = await pipelineStack(options);
  return { ...stack, batches: stack.generations.batches, key: () => stack.key().replace('pipeline', 'batch') };
}

/** Items with distinct ids and prompts. */
export function itemsNamed(name: string, count: number, from = 0): BatchItem[] {
  return Array.from({ length: count }, (_, at) => {
    const id = `${name}-${String(from + at)}`;
    return { id, input: { prompt: id } };
  });
}

/** Waits for a state, and checks that the counts of every state seen until then add up. */
export async function untilBatch(
  batch: BatchHandle,
  isReached: (state: KnownBatchState) => boolean,
): Promise<KnownBatchState> {
  const patience = createPatience(2 * hangMs);
  for (;;) {
    const state = await untilSeen(() => batch.state());
    expectSum(state);
    if (isReached(state)) return state;
    if (patience.isOver()) throw new Error(`the state did not come; last seen: ${JSON.stringify(state)}`);
    await sleep(500);
  }
}

/**
 * Waits until the activity that keeps the window full has been restarted with this window size. A change reaches it
 * while it runs.
 */
export async function untilWindowOf(client: Client, batch: BatchHandle, window: number): Promise<void> {
  await eventually(async () => {
    const history = (await historiesOf(client, batch.key)).at(-1);
    const asked = history?.events?.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
      const payload = scheduled?.activityType?.name === 'runWindow' && scheduled.input?.payloads?.[0];
      return payload ? [defaultPayloadConverter.fromPayload<WindowQuestion>(payload)] : [];
    });
    expect(asked?.at(-1)?.window).toBe(window);
  });
}

/** Checks that every item is counted exactly once. */
export function expectSum({ counts: { total, ...parts } }: Pick<BatchState, 'counts'>): void {
  expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBe(total);
}

/** All result lines, one per item; with `follow: false` only the existing ones. */
export async function linesOf(batch: BatchHandle, { follow = true } = {}): Promise<BatchLine[]> {
  const lines: BatchLine[] = [];
  for await (const line of batch.results({ follow })) lines.push(line);
  return lines;
}

/** The number of lines by status. */
export function tally(lines: readonly BatchLine[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of lines) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/**
 * Checks that no workflow task of the batch failed and that its histories replay. `shape`: the name to record them
 * under.
 */
export async function checkBatch({ client }: BatchStack, { key }: BatchHandle, shape?: string): Promise<void> {
  if (shape !== undefined) await recordHistories(shape, await historiesOf(client, key), 'runcomfyBatch');
  await checkExecutions(client, [key]);
}

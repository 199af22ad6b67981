import { z } from 'zod';
import { findGeneration } from '../api/generations/find-generation.ts';
import { generationBody } from '../api/generations/generation-body.ts';
import { untilEnd } from '../api/generations/start.ts';
import type { McpContext, ToolAnswer } from './tool.ts';

/** Clients give a tool a minute: no answer is waited for longer, however much of it went by before. */
const waitUntilMs = 50_000;

export const waitSeconds = z
  .number()
  .min(0)
  .max(50)
  .default(0)
  .describe('Waits so long for the end; beyond it the answer says "not finished"');

/** Where a generation stands, or its end where that comes in time. */
export async function generationAnswer(
  { parts, principal, stopping, gone, since }: McpContext,
  workflowId: string,
  seconds: number,
): Promise<ToolAnswer & { words: string }> {
  const found = await findGeneration(parts, workflowId);
  const waitMs = Math.floor(Math.min(seconds * 1_000, since + waitUntilMs - Date.now()));
  const isOver = found.ending !== undefined || waitMs <= 0;
  const signal = () => AbortSignal.any([AbortSignal.timeout(waitMs), stopping, gone]);
  const generation = generationBody(principal, isOver ? found : await untilEnd(parts, workflowId, signal()));
  const { key, phase, result, failure } = generation;
  const links = result === undefined ? [] : Object.values(result.output).flat();
  const words =
    result !== undefined
      ? `${key} succeeded.`
      : failure !== undefined
        ? `${key} ended: ${failure.type}: ${failure.message}`
        : `${key} is not finished (${phase}): call get_generation with this key, do not order again.`;
  return { data: { ...generation }, words, links, isFailure: phase === 'failed' || phase === 'timed_out' };
}

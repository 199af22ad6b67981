import { z } from 'zod';
import { findGeneration } from '../api/generations/find-generation.ts';
import { generationBody } from '../api/generations/generation-body.ts';
import { untilEnd } from '../api/generations/start.ts';
import type { McpContext, ToolAnswer } from './tool.ts';

/** Clients give a tool a minute: an answer comes ten seconds before. */
export const waitSeconds = z
  .number()
  .min(0)
  .max(50)
  .default(0)
  .describe('Waits so long for the end; beyond it the answer says "not finished"');

/** Where a generation stands, or its end where that comes in time. */
export async function generationAnswer(
  { parts, principal, stopping, gone }: McpContext,
  workflowId: string,
  seconds: number,
): Promise<ToolAnswer & { words: string }> {
  const found = await findGeneration(parts, workflowId);
  const signal = AbortSignal.any([AbortSignal.timeout(seconds * 1_000), stopping, gone]);
  const isOver = found.ending !== undefined || seconds === 0;
  const generation = generationBody(principal, isOver ? found : await untilEnd(parts, workflowId, signal));
  const { key, phase, result, failure } = generation;
  const links = result === undefined ? [] : Object.values(result.output).flat();
  const words =
    result !== undefined
      ? `${key} succeeded.`
      : failure !== undefined
        ? `${key} ended: ${failure.type}: ${failure.message}`
        : `${key} is not finished (${phase}): call get_generation with this key, do not order again.`;
  return { data: { ...generation }, words, links };
}

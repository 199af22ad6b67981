import { z } from 'zod';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import type { Phase } from '../../domain/generation.ts';
import { findGeneration } from '../api/generations/find-generation.ts';
import { generationBody } from '../api/generations/generation-body.ts';
import { untilEnd } from '../api/generations/start.ts';
import type { Generation } from '../contract/generation.ts';
import { leftOutAs, type McpContext, type ToolAnswer, withAge } from './tool.ts';

/** Clients give a tool one minute: no wait lasts longer than this after the call came. */
const waitUntilMs = 50_000;

export const waitSeconds = leftOutAs(z.number().min(0).max(50), 0).describe(
  'Waits so long for the end; beyond it the answer says "not finished"',
);

/** Describes a generation; waits up to `seconds` for its end. */
export async function generationAnswer(
  { parts, principal, stopping, gone, since }: McpContext,
  workflowId: string,
  seconds: number,
): Promise<ToolAnswer & { words: string }> {
  const found = await findGeneration(parts, workflowId);
  const waitMs = Math.floor(Math.min(seconds * 1_000, since + waitUntilMs - performance.now()));
  const isOver = found.ending !== undefined || waitMs <= 0;
  const signal = () => joinSignals([stopping, gone], waitMs);
  const seen = isOver ? found : await untilEnd(parts, workflowId, signal());
  const generation = generationBody(principal, seen);
  const { phase, result } = generation;
  const links = result === undefined ? [] : Object.values(result.output).flat();
  const answer = { data: { ...generation }, words: wordsOf(generation), links, isFailure: hasFailed(phase) };
  return withAge(answer, seen.ageS, 'Temporal cannot be asked now: so it stood');
}

function wordsOf({ key, phase, result, failure }: Generation): string {
  if (result !== undefined) return `${key} succeeded.`;
  if (failure !== undefined) return `${key} ended: ${failure.type}: ${failure.message}`;
  // Without a worker, nothing more is known of a workflow that was cancelled as such.
  if (phase === 'cancelled' || hasFailed(phase)) return `${key} ended: ${phase}.`;
  return `${key} is not finished (${phase}): call get_generation with this key, do not order again.`;
}

function hasFailed(phase: Phase): boolean {
  return phase === 'failed' || phase === 'timed_out';
}

import { ApplicationFailure, CancelledFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { isUnbilled, readFailureDetails } from '../../../domain/failure-details.ts';
import type { Submission } from '../../../domain/generation.ts';
import { readState } from '../following/read-state.ts';
import { withoutAnswer } from '../following/standstill.ts';

/** Whether the key's last run provably cost nothing, and why not. */
export type Verdict = { isUnbilled: true } | { isUnbilled: false; reason: string };

/**
 * Whether an ended run provably cost nothing. Only the workflow's own report counts: if a run was terminated, nobody
 * can say what was under way.
 */
export async function assessLastRun(client: Client, key: string, runId: string): Promise<Verdict> {
  try {
    await client.workflow.result(key, runId);
    return { isUnbilled: false, reason: 'its last run succeeded' };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure) return verdictOn(readFailureDetails(cause).submission);
    if (cause instanceof CancelledFailure) return verdictOn(await readSubmission(client, key));
    return {
      isUnbilled: false,
      reason: 'its last run was ended from outside, so it may have cost something',
    };
  }
}

async function readSubmission(client: Client, key: string): Promise<Submission> {
  const state = await readState(client, key);
  if (state.isFromServer && state.requestId === undefined) {
    throw await withoutAnswer(client, key);
  }
  return state.submission;
}

function verdictOn(submission: unknown): Verdict {
  if (isUnbilled(submission)) return { isUnbilled: true };
  const has = submission === 'accepted' ? 'accepted' : 'may have accepted';
  return { isUnbilled: false, reason: `RunComfy ${has} the order of its last run` };
}

// What the pipeline's workflow cannot do itself: ask another workflow for its state.
import { getClient } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { GenerationState } from '../../client/index.ts';

/** What RunComfy made of the cancel of a generation, and the request it is known by. */
async function cancelOutcome(key: string): Promise<{ became: string; requestId?: string }> {
  try {
    const { cancel, requestId } = await getClient().workflow.getHandle(key).query<GenerationState>('state');
    return { became: cancel?.outcome ?? 'unknown', ...(requestId !== undefined && { requestId }) };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { became: 'not_submitted' };
    throw error;
  }
}

/** The activities of the pipeline's worker. */
export const activities = { cancelOutcome };

export type PipelineActivities = typeof activities;

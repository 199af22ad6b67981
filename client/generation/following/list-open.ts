import type { Client } from '@temporalio/client';
import type { Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { named } from '../../convert-errors.ts';
import { isOfUnknownAttributes } from '../../grpc.ts';
import { isComparable, knowsPhases, quote } from '../../list-scope.ts';
import { attributeOf, listRuns } from '../run-info.ts';
import { phaseOf } from './phase.ts';

/** A generation that runs, as Temporal's index has it: that may be behind what has happened. */
export interface OpenGeneration {
  runId: string;
  phase: Phase;
  requestId?: string;
}

/**
 * Those of the keys that Temporal's index has as running, each by its key: it cannot be asked for all that are keys.
 * Undefined where the server knows no search attributes of ours.
 */
export async function listOpenGenerations(
  client: Client,
  keys: readonly string[],
): Promise<Map<string, OpenGeneration> | undefined> {
  const comparable = keys.filter(isComparable);
  if (comparable.length === 0) return new Map();
  const anyKey = `WorkflowId IN (${comparable.map(quote).join(', ')})`;
  const query = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus = "Running" AND ${anyKey} AND ${knowsPhases}`;
  return await named('', async () => {
    const found = new Map<string, OpenGeneration>();
    try {
      for await (const page of listRuns(client, query, comparable.length)) {
        for (const run of page) {
          const { key, runId } = run;
          // Its first word is said once it is submitted, or waits for more than its turn.
          const phase = phaseOf(run) ?? 'submitting';
          found.set(key, withoutUndefined({ runId, phase, requestId: attributeOf(run, 'RunComfyRequestId') }));
        }
      }
    } catch (error) {
      if (isOfUnknownAttributes(error)) return undefined;
      throw error;
    }
    return found;
  });
}

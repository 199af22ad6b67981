import type { Client } from '@temporalio/client';
import type { Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { withClientErrors } from '../../convert-errors.ts';
import { isOfUnknownAttributes } from '../../grpc.ts';
import { isComparable, knowsPhases, quote } from '../../list-scope.ts';
import { attributeOf, listRuns } from '../run-info.ts';
import { phaseOf } from './phase.ts';

/** An open generation as Temporal's index shows it, which may lag behind. */
export interface OpenGeneration {
  runId: string;
  phase: Phase;
  requestId?: string;
}

/**
 * The open generations among the given keys, by key, from Temporal's index. Keys that a query cannot compare are left
 * out. Undefined if the server does not have our search attributes.
 */
export async function listOpenGenerations(
  client: Client,
  keys: readonly string[],
): Promise<Map<string, OpenGeneration> | undefined> {
  const comparable = keys.filter(isComparable);
  if (comparable.length === 0) return new Map();
  const anyKey = `WorkflowId IN (${comparable.map(quote).join(', ')})`;
  const query = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus = "Running" AND ${anyKey} AND ${knowsPhases}`;
  return await withClientErrors('', async () => {
    const found = new Map<string, OpenGeneration>();
    try {
      for await (const page of listRuns(client, query, comparable.length)) {
        for (const run of page) {
          const { key, runId } = run;
          // A generation sets its phase once it is submitted, or when it waits for more than its turn.
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

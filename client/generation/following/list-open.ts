import type { Client } from '@temporalio/client';
import type { Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { named } from '../../convert-errors.ts';
import { quote } from '../../list-scope.ts';
import { attributeOf, listRuns } from '../run-info.ts';
import { phaseOf } from './phase.ts';

/** A generation that runs, as Temporal's index has it: that may be behind what has happened. */
export interface OpenGeneration {
  runId: string;
  /** Missing: its search attribute is not set, or not known to the server. */
  phase?: Phase;
  requestId?: string;
}

/** Those of the keys that Temporal's index has as running, each by its key. */
export function listOpenGenerations(client: Client, keys: readonly string[]): Promise<Map<string, OpenGeneration>> {
  const anyKey = `WorkflowId IN (${keys.map(quote).join(', ')})`;
  const query = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus = "Running" AND ${anyKey}`;
  return named('', async () => {
    const found = new Map<string, OpenGeneration>();
    for await (const page of listRuns(client, query, keys.length)) {
      for (const run of page) {
        const { key, runId } = run;
        found.set(
          key,
          withoutUndefined({ runId, phase: phaseOf(run), requestId: attributeOf(run, 'RunComfyRequestId') }),
        );
      }
    }
    return found;
  });
}

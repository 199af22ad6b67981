import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import type { Command, Job } from '../../support/workflow-sandbox.ts';

/** What a run is sent. */
export function signalJob(signalName: string, payload: unknown): Job {
  return {
    signalWorkflow: { signalName, input: toPayloads(defaultPayloadConverter, payload) ?? [], identity: 'fuzz' },
  };
}

/** What a run is sent, and answers under this id. */
export function updateJob(id: string, name: string, payload: unknown): Job {
  const input = toPayloads(defaultPayloadConverter, payload) ?? [];
  const meta = { updateId: id, identity: 'fuzz' };
  return { doUpdate: { id, protocolInstanceId: id, name, input, runValidator: true, meta } };
}

/** After it a run asks for nothing more, and waits for nothing. */
export function isLast(command: Command): boolean {
  const { completeWorkflowExecution, failWorkflowExecution, cancelWorkflowExecution } = command;
  const how = completeWorkflowExecution ?? failWorkflowExecution ?? cancelWorkflowExecution;
  return (how ?? command.continueAsNewWorkflowExecution ?? undefined) !== undefined;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowFailedError, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import type { GenerationResult, GenerationState } from '../../domain/generation.ts';
import { messageNames } from '../../domain/names.ts';
import type { Lane } from './lane.ts';
import type { Decision, Forgery, FuzzScript } from './script.ts';
import type { Said } from './truth.ts';

const pollEveryMs = 150;

/** Waits for the end of the newest run. */
export async function endOf(handle: WorkflowHandle): Promise<Pick<Said, 'deliveredId' | 'type'>> {
  try {
    const { requestId } = (await handle.result()) as GenerationResult;
    return { deliveredId: requestId };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    // Reset: another run goes on.
    if (error.cause instanceof TerminatedFailure) return await endOf(handle);
    if (error.cause instanceof TimeoutFailure) return { type: 'TimedOut' };
    return { type: error.cause instanceof ApplicationFailure ? (error.cause.type ?? '') : 'Canceled' };
  }
}

/** Asks for a cancel when the script says so. */
export async function askToCancel(
  handle: WorkflowHandle,
  { afterMs, way }: FuzzScript['cancels'][number],
  over: AbortSignal,
): Promise<void> {
  await sleep(afterMs, undefined, { signal: over }).catch(() => undefined);
  if (over.aborted) return;
  const asked = {
    signal: () => handle.signal('cancel', { reason: 'fuzz' }),
    update: () => handle.executeUpdate('cancel', { args: [{ reason: 'fuzz' }] }),
    workflow: () => handle.cancel(),
  }[way]();
  // It may have ended in the meantime.
  await asked.catch(() => undefined);
}

/** Does what the script's person does while the submission is unknown; gives the number of further submits. */
export async function decide(
  handle: WorkflowHandle,
  script: FuzzScript,
  lane: Lane,
  over: AbortSignal,
): Promise<number> {
  const decisions = [...script.decisions];
  let resubmits = 0;
  while (!over.aborted && decisions.length > 0) {
    await sleep(pollEveryMs, undefined, { signal: over }).catch(() => undefined);
    const state = await handle.query<GenerationState>('state').catch(() => undefined);
    if (state?.phase !== 'submission_unknown') continue;
    const decision = decisions.shift() ?? 'none';
    const resolution = resolutionOf(decision, lane, handle.workflowId);
    if (resolution === undefined) continue;
    if ((await isObeyed(handle, resolution)) && decision === 'resubmit') resubmits += 1;
  }
  return resubmits;
}

/** Decides at a moment that has nothing to do with the state; gives the number of further submits. */
export async function decideUntimely(
  handle: WorkflowHandle,
  { afterMs, decision }: FuzzScript['untimely'][number],
  lane: Lane,
  over: AbortSignal,
): Promise<number> {
  await sleep(afterMs, undefined, { signal: over }).catch(() => undefined);
  const resolution = resolutionOf(decision, lane, handle.workflowId);
  if (over.aborted || resolution === undefined) return 0;
  return (await isObeyed(handle, resolution)) && decision === 'resubmit' ? 1 : 0;
}

/** Whether a decision was taken, or may have been by a run that has ended since. */
async function isObeyed(handle: WorkflowHandle, resolution: object): Promise<boolean> {
  return await handle.executeUpdate('resolveSubmission', { args: [resolution] }).then(
    () => true,
    (error: unknown) => !(error instanceof WorkflowUpdateFailedError),
  );
}

/** `prompt`: what the prompts of the generation's own orders begin with. */
function resolutionOf(decision: Decision, lane: Lane, prompt: string): object | undefined {
  const found = lane.books(prompt).jobs.at(-1)?.id;
  switch (decision) {
    case 'none':
      return undefined;
    case 'adopt':
      return found === undefined ? undefined : { action: 'adopt', requestId: found };
    case 'adopt a wrong id':
      return { action: 'adopt', requestId: 'no-such-request' };
    case 'resubmit':
    case 'abandon':
      return { action: decision };
  }
}

/** Resets the run to before its submit, if it is there for that yet. */
export async function resetRun(
  client: Client,
  workflowId: string,
  { resetAfterMs }: FuzzScript,
  over: AbortSignal,
): Promise<'reset' | undefined> {
  if (resetAfterMs === undefined) return undefined;
  await sleep(resetAfterMs, undefined, { signal: over }).catch(() => undefined);
  if (over.aborted) return undefined;
  const request = {
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    reason: 'fuzz',
    workflowTaskFinishEventId: 4,
    requestId: workflowId,
  };
  return await client.workflowService.resetWorkflowExecution(request as never).then(
    () => 'reset' as const,
    () => undefined,
  );
}

/** Sends what no client of ours would send. */
export async function forge(
  client: Client,
  workflowId: string,
  { afterMs, forgery }: FuzzScript['forged'][number],
  over: AbortSignal,
): Promise<undefined> {
  await sleep(afterMs, undefined, { signal: over }).catch(() => undefined);
  if (over.aborted) return;
  const { signalName, encoding, text } = forgedSignals[forgery];
  await client.workflowService
    .signalWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId },
      signalName,
      input: { payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(text) }] },
    })
    .catch(() => undefined);
}

const forgedSignals: Record<Forgery, { signalName: string; encoding: string; text: string }> = {
  'an id of another chain': {
    signalName: messageNames.requestAccepted,
    encoding: 'json/plain',
    text: '{"firstExecutionRunId":"another","requestId":"forged"}',
  },
  'an id that is none': {
    signalName: messageNames.requestAccepted,
    encoding: 'json/plain',
    text: '{"firstExecutionRunId":"another","requestId":{"$ne":null}}',
  },
  'JSON that is none': { signalName: messageNames.requestAccepted, encoding: 'json/plain', text: '{"requestId":' },
  'an encoding that is not known': {
    signalName: messageNames.nudge,
    encoding: 'binary/protobuf',
    text: '\u0000\u0001',
  },
  'bytes that claim to be encrypted': {
    signalName: messageNames.requestAccepted,
    encoding: 'binary/encrypted',
    text: 'no such bytes',
  },
  'a decision that is none': {
    signalName: messageNames.resolveSubmission,
    encoding: 'json/plain',
    text: '{"action":"resubmit"}',
  },
  'a signal that does not exist': { signalName: 'constructor', encoding: 'json/plain', text: '"__proto__"' },
};

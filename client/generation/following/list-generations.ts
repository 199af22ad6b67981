import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

import type { Phase } from '../../../domain/generation.ts';
import { generationWorkflowType } from '../../../domain/names.ts';

import { grpcCode, grpcCodeOf } from '../../grpc.ts';
import { readOriginalRequest } from '../original-request.ts';
import { attributeOf, phaseOf } from './server-state.ts';

export interface ListFilter {
  model?: string | undefined;
  phase?: Phase | undefined;
  /** Default 100. */
  limit?: number | undefined;
}

/** A generation as Temporal lists it, newest first. */
export interface ListedGeneration {
  key: string;
  runId: string;
  model: string;
  phase: Phase;
  requestId?: string;
  costUsd?: number;
  startedAt: string;
  closedAt?: string;
}

const defaultLimit = 100;
const maxLookedAt = 1_000;

/**
 * Lists generations by search attributes. Where the server does not know ours, it lists by workflow type and looks at the
 * newest 1,000 one by one: models then come from their first events, phases from how the runs stand.
 */
export async function* listGenerations(
  client: Client,
  filter: ListFilter = {},
): AsyncGenerator<ListedGeneration, void, undefined> {
  let left = filter.limit ?? defaultLimit;
  for await (const listed of search(client, filter)) {
    if (left-- <= 0) return;
    yield listed;
  }
}

async function* search(
  client: Client,
  { model, phase }: ListFilter,
): AsyncGenerator<ListedGeneration, void, undefined> {
  const ofType = `WorkflowType = "${generationWorkflowType}"`;
  const clauses = [ofType];
  if (model !== undefined) clauses.push(`RunComfyModel = ${quote(model)}`);
  if (phase !== undefined) clauses.push(`RunComfyPhase = ${quote(phase)}`);
  try {
    for await (const info of client.workflow.list({
      query: clauses.join(' AND '),
    })) {
      if (info.status.name !== 'CONTINUED_AS_NEW') yield await describeRow(client, info);
    }
    return;
  } catch (error) {
    if (clauses.length === 1 || grpcCodeOf(error) !== grpcCode.invalidArgument) throw error;
  }
  let looked = 0;
  for await (const info of client.workflow.list({ query: ofType })) {
    if (looked++ >= maxLookedAt) return;
    if (info.status.name === 'CONTINUED_AS_NEW') continue;
    const row = await describeRow(client, info);
    if ((model === undefined || row.model === model) && (phase === undefined || row.phase === phase)) yield row;
  }
}

async function describeRow(client: Client, info: WorkflowExecutionInfo): Promise<ListedGeneration> {
  const { workflowId: key, runId, startTime, closeTime } = info;
  const requestId = attributeOf(info, 'RunComfyRequestId');
  const cost = info.typedSearchAttributes.getAll().find((pair) => pair.key.name === 'RunComfyCostUsd')?.value;
  const model = attributeOf(info, 'RunComfyModel') ?? (await readOriginalRequest(client, key, runId))?.request.model;
  return {
    key,
    runId,
    model: typeof model === 'string' ? model : '',
    phase: phaseOf(info),
    ...(requestId !== undefined && { requestId }),
    ...(typeof cost === 'number' && { costUsd: cost }),
    startedAt: startTime.toISOString(),
    ...(closeTime && { closedAt: closeTime.toISOString() }),
  };
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

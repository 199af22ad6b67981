import { type Client, type GetWorkflowExecutionHistoryRequest, WorkflowNotFoundError } from '@temporalio/client';
import type { GenerationRequest } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { withoutMissing } from '../../domain/request-checks.ts';
import { serializationContext } from '../decode-payload.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';

/** What the first event of a run says about its identity and its argument. */
export interface OriginalRequest {
  workflowType: string;
  runId: string;
  startedAt: Date;
  /** When its first task is due: at its start, or at the end of its start delay. */
  beginsAt: Date;
  /** The argument as sent, by whomever, without fields that are null; it is not validated otherwise. */
  request: Partial<GenerationRequest>;
}

/**
 * Reads the first event of the chain that `runId` belongs to, so the original argument is found after a
 * continue-as-new. `undefined` if Temporal does not keep that run any more.
 */
export async function readOriginalRequest(
  client: Client,
  key: string,
  runId: string,
): Promise<OriginalRequest | undefined> {
  const event = await readFirstEvent(client, key, runId);
  if (event === undefined || event.firstRunId === runId) return event;
  return readFirstEvent(client, key, event.firstRunId);
}

/** As `readOriginalRequest`, but also `undefined` if the request cannot be decoded here. */
export async function readDecodableRequest(
  client: Client,
  key: string,
  runId: string,
): Promise<OriginalRequest | undefined> {
  try {
    return await readOriginalRequest(client, key, runId);
  } catch (error) {
    if (grpcCodeOf(error) !== undefined) throw error;
    return undefined;
  }
}

/** Reads the first event of this very run; `undefined` if Temporal does not keep it any more. */
export async function readFirstEvent(
  client: Client,
  key: string,
  runId: string,
): Promise<(OriginalRequest & { firstRunId: string }) | undefined> {
  const { namespace, loadedDataConverter: converter } = client.options;
  const request: GetWorkflowExecutionHistoryRequest = {
    namespace,
    execution: { workflowId: key, runId },
    maximumPageSize: 1,
  };
  const response = await client.workflowService.getWorkflowExecutionHistory(request).catch((error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
  const event = response?.history?.events?.[0];
  const started = event?.workflowExecutionStartedEventAttributes;
  if (!started) return undefined;
  const context = serializationContext(client, { workflowId: key });
  let payloads = started.input?.payloads ?? [];
  for (const codec of converter.payloadCodecs.toReversed()) {
    payloads = await codec.decode(payloads, context);
  }
  const [payload] = payloads;
  const argument: unknown =
    payload === undefined ? undefined : converter.payloadConverter.fromPayload(payload, context);
  return {
    workflowType: started.workflowType?.name ?? '',
    runId,
    startedAt: new Date(Number(event.eventTime?.seconds ?? 0) * 1000),
    beginsAt: new Date(toMs(event.eventTime) + toMs(started.firstWorkflowTaskBackoff)),
    firstRunId: started.firstExecutionRunId ? started.firstExecutionRunId : runId,
    request: isJsonObject(argument) ? withoutMissing(argument) : {},
  };
}

function toMs(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1_000_000);
}

/** Whether Temporal does not know a run, or does not keep it any more. */
export function isGone(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || grpcCodeOf(error) === grpcCode.notFound;
}

import type { Client } from '@temporalio/client';
import type { Payload, SerializationContext } from '@temporalio/common';

/** What a payload decodes to that cannot be read here: of another codec, or with a key that this worker lacks. */
export const undecodable = Symbol('undecodable');

/** What a payload belongs to, by which a codec may have bound it: a workflow, or an activity of that workflow. */
export interface PayloadOwner {
  workflowId: string;
  activityId?: string | null | undefined;
}

/** Decodes one payload as the client's converter and codecs would. */
export async function decodePayload(
  client: Client,
  payload: Payload | null | undefined,
  owner: PayloadOwner,
): Promise<unknown> {
  if (!payload) return undefined;
  const context = serializationContext(client, owner);
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  try {
    let payloads = [payload];
    for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads, context);
    const [decoded] = payloads;
    return decoded === undefined ? undefined : payloadConverter.fromPayload(decoded, context);
  } catch {
    return undecodable;
  }
}

/** What the SDK tells codecs and converters of what belongs to this owner. */
export function serializationContext(
  { options: { namespace } }: Client,
  { workflowId, activityId }: PayloadOwner,
): SerializationContext {
  return activityId
    ? { type: 'activity', namespace, workflowId, activityId, isLocal: false }
    : { type: 'workflow', namespace, workflowId };
}

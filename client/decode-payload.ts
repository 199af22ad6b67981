import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';

/** What a payload decodes to that cannot be read here: of another codec, or with a key that this worker lacks. */
export const undecodable = Symbol('undecodable');

/** Decodes one payload as the client's converter and codecs would. */
export async function decodePayload(client: Client, payload: Payload | undefined): Promise<unknown> {
  if (payload === undefined) return undefined;
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  try {
    let payloads = [payload];
    for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads);
    const [decoded] = payloads;
    return decoded === undefined ? undefined : payloadConverter.fromPayload(decoded);
  } catch {
    return undecodable;
  }
}

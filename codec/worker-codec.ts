import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import { EncryptionError } from './encryption-codec.ts';

type Context = Parameters<PayloadCodec['decode']>[1];

/** The encoding of a payload that can never be decrypted; no converter knows it. */
const unreadableEncoding = 'binary/unreadable';

/** The same converter for a worker, whose codecs must cope with whatever a client may send; see `toWorkerCodec`. */
export function withWorkerCodecs(dataConverter: DataConverter): DataConverter {
  const { payloadCodecs } = dataConverter;
  return payloadCodecs === undefined
    ? dataConverter
    : { ...dataConverter, payloadCodecs: payloadCodecs.map(toWorkerCodec) };
}

/**
 * A codec whose `EncryptionError` does not fail a workflow task, since the payload may come from outside. A payload
 * whose key is missing passes as it is, and a forged one passes as unreadable; the workflow's payload converter decides
 * what to do with either. Other errors may be transient and are thrown, as are errors over the payloads of an activity.
 */
function toWorkerCodec(codec: PayloadCodec): PayloadCodec {
  return {
    encode: (payloads, context) => codec.encode(payloads, context),
    decode: (payloads, context) =>
      context?.type === 'workflow'
        ? Promise.all(payloads.map((payload) => decodeOrPass(payload, context)))
        : codec.decode(payloads, context),
  };

  async function decodeOrPass(payload: Payload, context: Context): Promise<Payload> {
    try {
      const [decoded] = await codec.decode([payload], context);
      return decoded ?? payload;
    } catch (error) {
      if (!(error instanceof EncryptionError)) throw error;
      return error.isForged ? { metadata: { encoding: Buffer.from(unreadableEncoding) } } : payload;
    }
  }
}

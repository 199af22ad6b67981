import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import { EncryptionError } from './encryption-codec.ts';

type Context = Parameters<PayloadCodec['decode']>[1];

/** The encoding of what can never be decrypted; no converter knows it. */
const unreadableEncoding = 'binary/unreadable';

/** The same converter for a worker, each of whose codecs bears what any client may send: see `toWorkerCodec`. */
export function withWorkerCodecs(dataConverter: DataConverter): DataConverter {
  const { payloadCodecs } = dataConverter;
  return payloadCodecs === undefined
    ? dataConverter
    : { ...dataConverter, payloadCodecs: payloadCodecs.map(toWorkerCodec) };
}

/**
 * A codec whose `EncryptionError` fails no workflow task where the payload came from outside. A payload whose key is
 * missing passes as it is, one that is forged passes as unreadable: what becomes of either, the workflow's payload
 * converter says. Other errors may pass by themselves and are thrown, as are those over an activity's payloads.
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

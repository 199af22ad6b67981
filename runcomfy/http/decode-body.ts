import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';

/** Content encodings that a body may have: each can expand few bytes into many, and no server needs more. */
const maxEncodings = 5;

const inflateAny = (bytes: Uint8Array, options: { maxOutputLength: number }) =>
  promisify(inflate)(bytes, options).catch(() => promisify(inflateRaw)(bytes, options));

type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const decoders: Readonly<Record<string, Decoder>> = {
  identity: (bytes) => Promise.resolve(bytes),
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: inflateAny,
  br: promisify(brotliDecompress),
  zstd: unzstd,
};

/**
 * Undoes the content encodings of a body, which servers on the way may add although the request asks for none. Rejects
 * unknown encodings and bodies that decode to more than `maxBytes`.
 */
export async function decodeBody(bytes: Uint8Array, contentEncoding: string, maxBytes: number): Promise<Uint8Array> {
  const names = contentEncoding.toLowerCase().split(',');
  const encodings = names.map((name) => name.trim()).filter((name) => name !== '');
  if (encodings.length > maxEncodings) throw new Error(`it has more than ${String(maxEncodings)} content encodings`);
  // The zstd decoder runs for as long as its input says, so that input must not itself be expanded from few bytes.
  if (encodings.length > 1 && encodings.includes('zstd')) throw new Error('it has another content encoding than zstd');
  let decoded = bytes;
  for (const encoding of encodings.reverse()) {
    const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
    if (!decode) throw new Error(`its content encoding ${JSON.stringify(encoding.slice(0, 50))} is not known here`);
    decoded = await decode(decoded, { maxOutputLength: maxBytes });
  }
  return decoded;
}

/** The text of a JSON document in UTF-8, or in UTF-16 where its byte order mark says so; without the mark. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}

/**
 * Uses zstd's own decoder: others trust the frame, and one of 30 bytes can cost them gigabytes of memory or minutes.
 */
async function unzstd(bytes: Uint8Array, { maxOutputLength }: { maxOutputLength: number }): Promise<Uint8Array> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const decoded = decoder.decode(bytes, maxOutputLength);
  // The decoder reports an error only by an empty result.
  if (decoded.length === 0) throw new Error(`it is no zstd, or longer than ${String(maxOutputLength)} bytes`);
  return decoded;
}

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { Decompress } from 'fzstd';

const inflateAny = (bytes: Uint8Array, options: { maxOutputLength: number }) =>
  promisify(inflate)(bytes, options).catch(() => promisify(inflateRaw)(bytes, options));

type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const decoders: Readonly<Record<string, Decoder>> = {
  identity: (bytes) => Promise.resolve(bytes),
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: inflateAny,
  br: promisify(brotliDecompress),
  zstd: async (bytes, { maxOutputLength }) => await Promise.resolve(unzstd(bytes, maxOutputLength)),
};

/** The bytes of a body without its content encodings, which servers on the way may add although nobody asked for them. */
export async function decodeBody(bytes: Uint8Array, contentEncoding: string, maxBytes: number): Promise<Uint8Array> {
  const encodings = contentEncoding.toLowerCase().split(',').reverse();
  let decoded = bytes;
  for (const encoding of encodings.map((name) => name.trim()).filter((name) => name !== '')) {
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

function unzstd(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = new Decompress((chunk) => {
    length += chunk.length;
    if (length > maxBytes) throw new Error('it is too long');
    chunks.push(chunk);
  });
  stream.push(bytes, true);
  return Buffer.concat(chunks);
}

import { crc32 } from 'node:zlib';
import type { MediaKind } from '../../domain/media.ts';

/** File type of each kind of output. */
export const mediaTypes = {
  image: { extension: 'png', contentType: 'image/png' },
  video: { extension: 'mp4', contentType: 'video/mp4' },
  audio: { extension: 'wav', contentType: 'audio/wav' },
} as const satisfies Record<MediaKind, { extension: string; contentType: string }>;

const onePixelPng = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const pngHeadBytes = 33;

/** A tiny file of the kind, valid enough to be recognised. It carries `label`, so that no two files are the same. */
export function mediaBytes(kind: MediaKind, label: string): Buffer {
  const text = Buffer.from(label);
  switch (kind) {
    case 'image': {
      const chunk = Buffer.concat([Buffer.from('tEXtComment\0'), text]);
      const note = Buffer.concat([uint32(chunk.length - 4), chunk, uint32(crc32(chunk))]);
      return Buffer.concat([onePixelPng.subarray(0, pngHeadBytes), note, onePixelPng.subarray(pngHeadBytes)]);
    }
    case 'video': {
      const brands = Buffer.from('isom\0\0\x02\0isomiso2mp41');
      return Buffer.concat([mp4Box('ftyp', brands), mp4Box('free', text), mp4Box('mdat', Buffer.alloc(1024))]);
    }
    case 'audio':
      return wavOf(text, Buffer.alloc(1600));
  }
}

function mp4Box(type: string, content: Buffer): Buffer {
  return Buffer.concat([uint32(content.length + 8), Buffer.from(type), content]);
}

/** Mono, 16 bit, 8 kHz. */
function wavOf(comment: Buffer, samples: Buffer): Buffer {
  const padded = comment.length % 2 === 0 ? comment : Buffer.concat([comment, Buffer.alloc(1)]);
  const format = Buffer.from('666d74201000000001000100401f0000803e000002001000', 'hex');
  const info = riffChunk('LIST', Buffer.concat([Buffer.from('INFO'), riffChunk('ICMT', padded)]));
  return riffChunk('RIFF', Buffer.concat([Buffer.from('WAVE'), format, info, riffChunk('data', samples)]));
}

function riffChunk(type: string, content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(content.length);
  return Buffer.concat([Buffer.from(type), size, content]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

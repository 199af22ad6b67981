import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RunComfyClient } from '../../../runcomfy/client.ts';
import { clientOf, errorOf, model, serve, serveTcp } from '../../support/http-servers.ts';

const everything = {
  request_id: 'a1b2',
  status: 'succeeded',
  output: { video: 'https://files.runcomfy.net/a.mp4' },
  outcome: 'cancelled',
  models: [],
  categories: [],
  balance_usd: 1,
  model_id: model,
};
const document = JSON.stringify(everything);
/** `{"a":1}`, stored without compression, as the reference tool writes it. */
const zstdOf = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes.length, 5);
  head.writeUIntLE((bytes.length << 3) | 1, 9, 3);
  return Buffer.concat([head, bytes]);
};

/** One block in a frame of its own: 0 as it is, 1 one byte `size` times, 2 compressed. */
const zstdFrame = ({ window, type, size, bytes }: { window: number; type: number; size: number; bytes: number[] }) => {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window, 0, 0, 0]);
  head.writeUIntLE((size << 3) | (type << 1) | 1, 6, 3);
  return Buffer.concat([head, Buffer.from(bytes)]);
};

const calls: Record<string, (client: RunComfyClient) => Promise<unknown>> = {
  submit: (client) => client.submit(model, { prompt: 'A cat' }),
  status: (client) => client.status('a1b2'),
  result: (client) => client.result('a1b2', { model }),
  cancel: (client) => client.cancel('a1b2'),
  catalogue: (client) => client.listModels(),
  model: (client) => client.getModel(model),
  balance: (client) => client.balance(),
};

const send = (response: ServerResponse, bytes: Buffer | string, headers: Record<string, string> = {}) => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(bytes);
};
const forms: Record<string, (response: ServerResponse) => void> = {
  'in gzip': (response) => {
    send(response, gzipSync(document), { 'content-encoding': 'gzip' });
  },
  'in deflate': (response) => {
    send(response, deflateSync(document), { 'content-encoding': 'deflate' });
  },
  'in deflate without its header': (response) => {
    send(response, deflateRawSync(document), { 'content-encoding': 'deflate' });
  },
  'in brotli': (response) => {
    send(response, brotliCompressSync(document), { 'content-encoding': 'br' });
  },
  'in zstd': (response) => {
    send(response, zstdOf(document), { 'content-encoding': 'zstd' });
  },
  'in two encodings': (response) => {
    send(response, gzipSync(brotliCompressSync(document)), { 'content-encoding': 'br, GZip' });
  },
  'after 100 Continue': (response) => {
    response.writeContinue();
    response.writeContinue();
    send(response, document);
  },
  'after 103 Early Hints': (response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => {
      send(response, document);
    });
  },
  'after 103 Early Hints and 100 Continue': (response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => {
      response.writeProcessing();
      response.writeContinue();
      send(response, document);
    });
  },
  'with 100 KB of headers': (response) => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x-trace-${String(i)}`, 'x'.repeat(5_000)]));
    send(response, document, many);
  },
  'with NaN and Infinity': (response) => {
    const numbers = '{"cost":NaN,"words":"NaN -Infinity \\" NaN","low":-Infinity,"high":[Infinity],';
    send(response, document.replace('{', numbers));
  },
  'with a byte order mark': (response) => {
    send(response, `\uFEFF${document}`);
  },
  'in UTF-16': (response) => {
    send(response, Buffer.from(`\uFEFF${document}`, 'utf16le'));
  },
};

describe('a reply that is whole is understood on every endpoint', () => {
  for (const [form, answer] of Object.entries(forms)) {
    it(`when it comes ${form}`, async () => {
      const server = await serve(answer);
      const client = clientOf(server.port);
      for (const [name, call] of Object.entries(calls)) {
        // Twice, since reads share their connections.
        await call(client);
        await expect(call(client), name).resolves.toBeDefined();
      }
    });
  }

  it('when its interim reply comes in pieces', async () => {
    const { port } = await serveTcp((socket) => {
      socket.once('data', () => {
        const head = `HTTP/1.1 200 OK\r\ncontent-length: ${String(document.length)}\r\n\r\n`;
        const pieces = [
          'HTTP/1.1 1',
          '00 Continue\r\nx: y\r\n',
          '\r\nHTTP/1',
          `.1 100 Continue\r\n\r\n${head}`,
          document,
        ];
        const next = () => {
          const piece = pieces.shift();
          if (piece === undefined) return;
          socket.write(piece);
          setTimeout(next, 15);
        };
        next();
      });
    });
    expect(await clientOf(port).submit(model, {})).toMatchObject({ requestId: 'a1b2' });
  });

  it('when its zstd declares a window of 1 GiB, which nothing is reserved for', async () => {
    const bytes = [...Buffer.from(document)];
    const frame = zstdFrame({ window: 20 << 3, type: 0, size: bytes.length, bytes });
    const server = await serve((response) => {
      send(response, frame, { 'content-encoding': 'zstd' });
    });
    const peakKiB = () => process.resourceUsage().maxRSS;
    const before = peakKiB();
    expect((await clientOf(server.port).result('a1b2', { model })).status).toBe('succeeded');
    expect(peakKiB() - before).toBeLessThan(256 * 1024);
  });

  it('when a result of 12 MB echoes what was ordered', async () => {
    const server = await serve((response) => {
      send(response, JSON.stringify({ ...everything, input: { text: '\u0001'.repeat(2 * 1024 * 1024) } }));
    });
    const result = await clientOf(server.port).result('a1b2', { model });
    expect(result.status).toBe('succeeded');
  });
});

describe('a reply that no attempt can ever read', () => {
  const unreadable: [name: string, answer: (response: ServerResponse) => void, limit: string][] = [
    [
      'is too long',
      (response) => {
        send(response, JSON.stringify({ ...everything, filler: 'x'.repeat(20_000) }));
      },
      'limit of 10000 bytes',
    ],
    [
      'is too long once it is decoded',
      (response) => {
        send(response, gzipSync(JSON.stringify({ filler: 'x'.repeat(200_000) })), { 'content-encoding': 'gzip' });
      },
      'limit of 10000 bytes',
    ],
    [
      'has an encoding that nobody knows',
      (response) => {
        send(response, document, { 'content-encoding': 'rot13' });
      },
      '"rot13"',
    ],
    [
      'has more encodings than any server needs',
      (response) => {
        const bytes = Array.from({ length: 6 }).reduce<Buffer>((inner) => gzipSync(inner), Buffer.from(document));
        send(response, bytes, { 'content-encoding': Array.from({ length: 6 }, () => 'gzip').join(', ') });
      },
      'more than 5 content encodings',
    ],
    [
      'has another encoding than zstd, by which few bytes could become much of it',
      (response) => {
        send(response, gzipSync(zstdOf(document)), { 'content-encoding': 'zstd, gzip' });
      },
      'another content encoding than zstd',
    ],
    [
      'is 24 bytes of zstd that ask for copies of 6 GB',
      (response) => {
        // One block of 98,047 sequences, each a match of 65,539 bytes.
        const sequences = [0x00, 0xff, 0xff, 0xff, 0x54, 0, 0, 52, 0x01];
        const frame = zstdFrame({ window: 0, type: 2, size: sequences.length, bytes: sequences });
        send(response, frame, { 'content-encoding': 'zstd' });
      },
      'is no zstd',
    ],
    [
      'is too long once its zstd is decoded',
      (response) => {
        const frame = zstdFrame({ window: 0, type: 1, size: 20_000, bytes: [0x20] });
        send(response, frame, { 'content-encoding': 'zstd' });
      },
      'longer than 10000 bytes',
    ],
    [
      'has endless headers',
      (response) => {
        const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-${String(i)}`, 'x'.repeat(5_000)]));
        send(response, document, many);
      },
      'limit of 256 KiB',
    ],
  ];
  it.each(unreadable)('because it %s is a mismatch of a read and names the limit', async (_name, answer, limit) => {
    const server = await serve(answer);
    const client = clientOf(server.port, { maxReplyBytes: 10_000 });
    for (const read of [client.status('a1b2'), client.result('a1b2', { model })]) {
      const error = await errorOf(read);
      expect(error.type).toBe('ProtocolMismatch');
      expect(error.message).toContain(limit);
      expect(error.message).toContain('a1b2');
    }
    expect((await errorOf(client.submit(model, {}))).submission).toBe('unknown');
  });
});

describe('a submit of unknown outcome', () => {
  it('keeps what came back, and the id that stood in it', async () => {
    const server = await serve((response) => {
      send(response, JSON.stringify({ error_code: 200, request_id: 'a1b2', note: '😀'.repeat(2_000) }));
    });
    const error = await errorOf(clientOf(server.port).submit(model, {}));
    expect(error).toMatchObject({ type: 'SubmitOutcomeUnknown', repliedRequestId: 'a1b2' });
    expect(error.reply).toContain('"error_code":200');
    expect(error.reply?.length).toBeLessThan(1_100);
    expect(error.reply).not.toMatch(/\p{Surrogate}/u);
  });

  it('keeps the token out of it', async () => {
    const server = await serve((response, { headers }) => {
      send(response, JSON.stringify({ id: 'x', echo: headers.authorization }));
    });
    expect((await errorOf(clientOf(server.port).submit(model, {}))).reply).toContain('Bearer [token]');
  });
});

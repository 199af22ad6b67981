import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireAnswer } from '../faults/fault.ts';
import { encodeReply } from './reply.ts';

const pieces = 20;

/** Sends an answer, or treats the socket as `wireAnswer` says. Resolves when nothing more is to be sent. */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  wireAnswer: WireAnswer,
): Promise<void> {
  switch (wireAnswer.how) {
    case 'hang':
      return;
    case 'reset':
      if (wireAnswer.afterHeadersOf !== undefined) {
        const { status, headers } = encodeReply(wireAnswer.afterHeadersOf);
        response.writeHead(status, headers);
        await flushed(response, Buffer.from(' '));
      }
      request.socket.resetAndDestroy();
      return;
    case 'reply': {
      if (wireAnswer.afterMs !== undefined) await sleep(wireAnswer.afterMs, undefined, { ref: false });
      const { status, headers, body } = encodeReply(wireAnswer.reply);
      response.writeHead(status, headers);
      response.end(request.method === 'HEAD' ? undefined : body);
      return;
    }
    case 'cut': {
      const { status, headers, body } = encodeReply(wireAnswer.reply);
      response.writeHead(status, headers);
      await flushed(response, body.subarray(0, Math.max(1, Math.floor(body.length / 2))));
      request.socket.end();
      return;
    }
    case 'trickle': {
      const { status, headers, body } = encodeReply(wireAnswer.reply);
      response.writeHead(status, headers);
      const size = Math.max(1, Math.ceil(body.length / pieces));
      for (let from = 0; from < body.length && !response.destroyed; from += size) {
        await flushed(response, body.subarray(from, from + size));
        await sleep(wireAnswer.overMs / pieces, undefined, { ref: false });
      }
      response.end();
    }
  }
}

function flushed(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.write(bytes, () => {
      resolve();
    });
  });
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { createRunComfyClient, type RunComfyClientOptions } from '../../runcomfy/client.ts';
import { isRunComfyError, type RunComfyError } from '../../runcomfy/errors.ts';

export const token = 'sim-7f3a91c0token';
export const model = 'kling/kling-3.0/standard/image-to-video';

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface HttpServer {
  port: number;
  /** Requests whose body was received completely. */
  seen: SeenRequest[];
  /** TCP connections accepted so far. */
  connections: () => number;
}

/** An HTTP server that answers as `answer` does and stops at the end of the test. */
export async function serve(answer: (response: ServerResponse, request: SeenRequest) => void): Promise<HttpServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      seen.push(one);
      answer(response, one);
    });
  });
  const { port, connections } = await bind(server);
  onTestFinished(() => {
    server.closeAllConnections();
  });
  return { port, seen, connections };
}

/** A plain TCP server, for behaviour that no HTTP server has. */
export async function serveTcp(
  onConnection: (socket: Socket) => void,
): Promise<{ port: number; connections: () => number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return await bind(server);
}

/** A client of a local server; closed at the end of the test. */
export function clientOf(port: number, options: Partial<RunComfyClientOptions> = {}) {
  const client = createRunComfyClient({
    modelApiBase: `http://127.0.0.1:${String(port)}/v1`,
    serverlessApiBase: `http://127.0.0.1:${String(port)}/prod/v2`,
    token: () => token,
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}

/** Answers with a status and a body. A body that is not a string is sent as JSON. */
export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

/** The `RunComfyError` that a call fails with. */
export async function errorOf(call: Promise<unknown>): Promise<RunComfyError> {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && isRunComfyError(outcome.error)) return outcome.error;
  throw new Error(`expected a RunComfyError, got ${JSON.stringify(outcome)}`, { cause: outcome });
}

async function bind(server: Server): Promise<{ port: number; connections: () => number }> {
  let accepted = 0;
  server.on('connection', () => {
    accepted += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => accepted };
}

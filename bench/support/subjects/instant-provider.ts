import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A Model API whose jobs are finished before they are read, and that needs hardly any processor time. */
export async function startInstantProvider(): Promise<{ modelApiBase: string; close: () => void }> {
  const time = new Date().toISOString();
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    const requestId = /\/requests\/([^/]+)\//.exec(url)?.[1];
    const output = { video: `https://cdn.invalid/${String(requestId)}.mp4` };
    const reply =
      requestId === undefined
        ? { request_id: randomUUID() }
        : url.includes('/result')
          ? { request_id: requestId, status: 'succeeded', output, created_at: time, finished_at: time }
          : { request_id: requestId, status: 'completed' };
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    modelApiBase: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

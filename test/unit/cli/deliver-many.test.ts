import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addBatchResults } from '../../../cli/commands/batch/read.ts';
import { addPipelineResult } from '../../../cli/commands/pipeline/result.ts';
import { commandOn } from '../../support/command-on.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { serveProxy } from '../../support/proxy.ts';
import { onTestFinished } from '../../support/test-end.ts';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A pipeline that has made these files, and a batch whose items have made those of a list each. */
function madeOf(items: string[][]) {
  const result = { key: 'k', phase: 'succeeded', outputs: { clips: items }, steps: {}, costUsd: 1 };
  const pipeline = { key: 'k', isEnded: () => Promise.resolve(true), result: () => Promise.resolve(result) };
  const watch = async function* () {
    yield await Promise.resolve({ phase: 'succeeded', steps: [], orders: {} });
  };
  const results = async function* () {
    for (const [at, clips] of items.entries()) {
      const id = String(at);
      yield await Promise.resolve({ id, key: `k/${id}`, status: 'succeeded', outputs: { clips } });
    }
  };
  return {
    pipelines: { get: () => Promise.resolve({ ...pipeline, watch }) },
    batches: { get: () => Promise.resolve({ results }) },
  };
}

describe.each([
  ['a pipeline', addPipelineResult],
  ['a batch', addBatchResults],
] as const)('files of %s', (_what, add) => {
  const deliverAll = (items: string[][], ...more: string[]) => {
    const generations = madeOf(items);
    const name = add === addPipelineResult ? 'result' : 'results';
    return commandOn(add, [name, 'k', '--download', folder, '--output', 'json', ...more], { generations });
  };
  const deliver = (url: string, ...more: string[]) => deliverAll([[url]], ...more);

  it('come by the proxy that is set', async () => {
    const port = await serve((_request, response) => response.end('clip'));
    const proxy = await serveProxy(port);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    const { exitCode } = await deliver('http://cdn.example/clip.mp4', '--allow-host', 'cdn.example');
    expect(exitCode).toBe(0);
    expect(proxy.tunnels).toEqual(['cdn.example:80']);
    expect(await readdir(folder)).toEqual(['clip.mp4']);
  });

  it('of a simulator come from where its API is', async () => {
    const port = await serve((_request, response) => response.end('clip'));
    vi.stubEnv('RUNCOMFY_MODEL_API_BASE', `http://127.0.0.1:${String(port)}/v1`);
    expect((await deliver(`http://127.0.0.1:${String(port)}/clip.mp4`)).exitCode).toBe(0);
  });

  it.each(['one of one', 'one of many'] as const)('that cannot be had, %s, hide no other', async (which) => {
    const port = await serve((request, response) => {
      if (request.url === '/gone.mp4') response.writeHead(404);
      response.end(request.url);
    });
    const host = `127.0.0.1:${String(port)}`;
    const urls = ['gone', 'clip'].map((name) => `http://${host}/${name}.mp4`);
    const outputs = which === 'one of one' ? urls.map((url) => [url]) : [urls];
    const { exitCode, stdout, stderr } = await deliverAll(outputs, '--allow-host', host);
    expect(exitCode).toBe(69);
    expect(await readdir(folder)).toEqual(['clip.mp4']);
    expect(stdout.match(/\/clip\.mp4/g)).toHaveLength(1);
    expect(stderr + stdout).toContain('download of gone.mp4 failed: the server answered HTTP 404');
  });

  it('that are broken off by a word leave nothing half', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('a start', () => process.emit('SIGTERM'));
    });
    const host = `127.0.0.1:${String(port)}`;
    const { exitCode, stderr, stdout } = await deliver(`http://${host}/clip.mp4`, '--allow-host', host);
    expect(exitCode).toBe(69);
    expect(stderr + stdout).toContain('it was interrupted');
    expect(await readdir(folder)).toEqual([]);
  });
});

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

/** A pipeline and a batch that have made this file. */
function madeOf(url: string) {
  const result = { key: 'k', phase: 'succeeded', outputs: { clip: url }, steps: {}, costUsd: 1 };
  const pipeline = { key: 'k', isEnded: () => Promise.resolve(true), result: () => Promise.resolve(result) };
  const watch = async function* () {
    yield await Promise.resolve({ phase: 'succeeded', steps: [], orders: {} });
  };
  const results = async function* () {
    yield await Promise.resolve({ id: 'a', key: 'k/a', status: 'succeeded', outputs: { clip: url } });
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
  const deliver = (url: string, ...more: string[]) => {
    const generations = madeOf(url);
    const name = add === addPipelineResult ? 'result' : 'results';
    return commandOn(add, [name, 'k', '--download', folder, '--output', 'json', ...more], { generations });
  };

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

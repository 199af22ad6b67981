import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { downloadOutput } from '../../../cli/download-output.ts';
import type { DownloadOptions } from '../../../cli/download-output.ts';

const servers: Server[] = [];
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'download-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rm(directory, { recursive: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function download(urls: string[], more: Partial<DownloadOptions> = {}): Promise<string[]> {
  const output = { images: [], videos: urls, audios: [] };
  return downloadOutput(output, { directory, allowedHosts: ['127.0.0.1'], ...more });
}

const filesIn = () => readdir(directory);

describe('downloadOutput', () => {
  it('saves each file once under its own name and sends no credentials', async () => {
    const seen: (string | undefined)[] = [];
    const base = await serve((request, response) => {
      seen.push(request.headers.authorization, request.headers.cookie);
      response.end(`content of ${request.url ?? ''}`);
    });
    const paths = await download([`${base}/a/one.mp4?sig=1`, `${base}/two.mp4`, `${base}/two.mp4`]);
    expect(paths).toEqual([join(directory, 'one.mp4'), join(directory, 'two.mp4')]);
    expect(await readFile(join(directory, 'one.mp4'), 'utf8')).toBe('content of /a/one.mp4?sig=1');
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('can be repeated without a second copy, and never overwrites another file', async () => {
    const base = await serve((request, response) => response.end(request.url));
    await writeFile(join(directory, 'clip.mp4'), 'mine');
    const urls = [`${base}/x/clip.mp4`, `${base}/y/clip.mp4`];
    const expected = [join(directory, 'clip-2.mp4'), join(directory, 'clip-3.mp4')];
    expect(await download(urls)).toEqual(expected);
    expect(await download(urls)).toEqual(expected);
    expect(await readFile(join(directory, 'clip.mp4'), 'utf8')).toBe('mine');
    expect((await filesIn()).sort()).toEqual(['clip-2.mp4', 'clip-3.mp4', 'clip.mp4']);
  });

  it('refuses a host that nobody allowed, before any request, and says how to allow it', async () => {
    let calls = 0;
    const base = await serve((_request, response) => {
      calls++;
      response.end('x');
    });
    await expect(download([`${base}/clip.mp4?sig=secret`], { allowedHosts: [] })).rejects.toMatchObject({
      type: 'DownloadFailed',
      message: expect.stringMatching(/^download of clip\.mp4 failed: .*--allow-host 127\.0\.0\.1:\d+/) as string,
    });
    expect(calls).toBe(0);
  });

  it('follows redirects among allowed hosts only', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/file.mp4') return response.end('whole');
      const location = request.url === '/good.mp4' ? '/file.mp4' : 'http://localhost:9/stolen.mp4';
      return response.writeHead(302, { location }).end();
    });
    expect(await download([`${base}/good.mp4`])).toEqual([join(directory, 'good.mp4')]);
    await expect(download([`${base}/bad.mp4`])).rejects.toThrow('it is offered at localhost:9');
  });

  it('gives up on redirects that never end', async () => {
    const base = await serve((_request, response) => response.writeHead(302, { location: '/again.mp4' }).end());
    await expect(download([`${base}/again.mp4`])).rejects.toThrow('redirects more than 5 times');
  });

  it('leaves nothing behind when a file breaks off', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('only so much', () => response.destroy());
    });
    await expect(download([`${base}/clip.mp4?sig=secret`])).rejects.toMatchObject({ type: 'DownloadFailed' });
    await expect(download([`${base}/clip.mp4?sig=secret`])).rejects.not.toThrow('secret');
    expect(await filesIn()).toEqual([]);
  });

  it('refuses a file that is too large, announced or not', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/announced.mp4') response.setHeader('content-length', '100');
      response.write('x'.repeat(60));
      response.end('x'.repeat(40));
    });
    await expect(download([`${base}/announced.mp4`], { maxBytes: 99 })).rejects.toThrow('larger than 99 bytes');
    await expect(download([`${base}/chunked.mp4`], { maxBytes: 99 })).rejects.toThrow('larger than 99 bytes');
    expect(await filesIn()).toEqual([]);
    expect(await download([`${base}/announced.mp4`], { maxBytes: 100 })).toHaveLength(1);
  });

  it('gives up on a server that falls silent', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('a start');
    });
    await expect(download([`${base}/clip.mp4`], { idleTimeoutMs: 300 })).rejects.toThrow('the server fell silent');
    expect(await filesIn()).toEqual([]);
  });

  it('names the file, not the URL, when the server refuses it', async () => {
    const base = await serve((_request, response) => response.writeHead(403).end('no'));
    await expect(download([`${base}/account-7/clip.mp4`])).rejects.toMatchObject({
      message: 'download of clip.mp4 failed: the server answered HTTP 403; the command can be repeated',
    });
  });
});

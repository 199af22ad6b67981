import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadOptions, downloadOutput, prepareFolder } from '../../../cli/download/download-output.ts';
import { serveTcp } from '../../support/http-servers.ts';
import { serveProxy } from '../../support/proxy.ts';

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

  it('goes by the proxy that is set, redirects included', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/clip.mp4') response.end('clip');
      else response.writeHead(302, { location: 'http://files.example/clip.mp4' }).end();
    });
    const proxy = await serveProxy(Number(new URL(server).port));
    const more = { allowedHosts: ['files.example', 'cdn.example'], proxies: { httpProxy: proxy.url } };
    await download(['http://cdn.example/one.mp4'], more);
    expect(proxy.tunnels).toEqual(['cdn.example:80', 'files.example:80']);
    expect(await readFile(join(directory, 'one.mp4'), 'utf8')).toBe('clip');
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
      message: 'download of clip.mp4 failed: the server answered HTTP 403',
    });
  });

  it('saves all files that can be had, and names those that cannot', async () => {
    const base = await serve((request, response) => {
      if (request.url?.startsWith('/gone') === true) response.writeHead(404);
      response.end(request.url);
    });
    const urls = ['gone-1', 'one', 'gone-2', 'two'].map((name) => `${base}/${name}.mp4`);
    await expect(download(urls)).rejects.toMatchObject({
      type: 'DownloadFailed',
      message:
        'download of gone-1.mp4 failed: the server answered HTTP 404; download of gone-2.mp4 failed: the server answered HTTP 404',
    });
    expect((await filesIn()).sort()).toEqual(['one.mp4', 'two.mp4']);
    const many = Array.from({ length: 8 }, (_, index) => `${base}/gone-${String(index)}.mp4`);
    await expect(download(many)).rejects.toThrow(/gone-4\.mp4 failed: [^;]*; 3 more files failed$/);
  });

  it('saves the media, not its encoding on the way', async () => {
    const media = Buffer.from('0123456789'.repeat(1_000));
    const encoded: Record<string, Buffer> = {
      gzip: gzipSync(media),
      br: brotliCompressSync(media),
      deflate: deflateSync(media),
      'gzip, br': brotliCompressSync(gzipSync(media)),
    };
    const base = await serve((request, response) => {
      const encoding = decodeURIComponent(request.url?.split('/')[1] ?? '');
      response.writeHead(200, { 'content-encoding': encoding, 'content-type': 'video/mp4' }).end(encoded[encoding]);
    });
    for (const [index, encoding] of Object.keys(encoded).entries()) {
      const [path = ''] = await download([`${base}/${encodeURIComponent(encoding)}/clip-${String(index)}.mp4`]);
      expect((await readFile(path)).equals(media)).toBe(true);
    }
  });

  it('refuses an encoding that it cannot read, one that breaks off, one that is a lie, and one that is a bomb', async () => {
    const media = Buffer.alloc(100_000, 'x');
    const base = await serve((request, response) => {
      const [, encoding = '', what] = request.url?.split('/') ?? [];
      const bodies: Record<string, Buffer> = {
        cut: gzipSync(media).subarray(0, 60),
        whole: gzipSync(media),
        plain: media,
      };
      response.writeHead(200, { 'content-encoding': encoding }).end(bodies[what ?? '']);
    });
    await expect(download([`${base}/zstd/whole/a.mp4`])).rejects.toThrow('it is encoded as zstd');
    await expect(download([`${base}/constructor/whole/a.mp4`])).rejects.toThrow('it is encoded as constructor');
    await expect(download([`${base}/gzip/cut/a.mp4`])).rejects.toThrow('it broke off');
    await expect(download([`${base}/gzip/plain/a.mp4`])).rejects.toThrow('it is not encoded as the server says');
    await expect(download([`${base}/gzip/whole/a.mp4`], { maxBytes: 10_000 })).rejects.toThrow(
      'larger than 10000 bytes',
    );
    expect(await filesIn()).toEqual([]);
  });

  it.each([
    ['text/html; charset=utf-8', '<html>sorry</html>', 'the server sent text/html instead of a file'],
    ['application/json', '{"error":"gone"}', 'the server sent application/json instead of a file'],
    ['application/xml', '<Error/>', 'the server sent application/xml instead of a file'],
    ['video/mp4', ' <!DOCTYPE html><title>sorry</title>', 'the server sent a web page instead of a file'],
    ['video/mp4', '\uFEFF<html lang="en">', 'the server sent a web page instead of a file'],
    ['video/mp4', '<!-- gone --> <!DOCTYPE html>', 'the server sent a web page instead of a file'],
    ['video/mp4', '<?xml version="1.0"?>\n<!-- a --><!-- b --><!doctype html>', 'the server sent a web page'],
    ['video/mp4', '', 'the server sent an empty file'],
  ])('refuses a reply with 200 that is no media: %s %s', async (type, body, reason) => {
    const base = await serve((_request, response) => response.writeHead(200, { 'content-type': type }).end(body));
    await expect(download([`${base}/clip.mp4`])).rejects.toMatchObject({
      type: 'DownloadFailed',
      message: expect.stringContaining(reason) as string,
    });
    expect(await filesIn()).toEqual([]);
  });

  it('takes the extension from the content type where the name has none', async () => {
    const base = await serve((_request, response) => response.writeHead(200, { 'content-type': 'video/mp4' }).end('x'));
    expect(await download([`${base}/9f8e7d6c`, `${base}/%E7%81%AF%E5%A1%94.mp4`])).toEqual([
      join(directory, '9f8e7d6c.mp4'),
      join(directory, '灯塔.mp4'),
    ]);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const stop = new AbortController();
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('a start', () => {
        setTimeout(() => {
          stop.abort();
        }, 100);
      });
    });
    const urls = [`${base}/clip.mp4`, `${base}/next.mp4`];
    await expect(download(urls, { signal: stop.signal })).rejects.toThrow(
      /^download of clip\.mp4 failed: it was interrupted$/,
    );
    expect(await filesIn()).toEqual([]);
  });

  it('can be interrupted while its connection is still being made', async () => {
    const proxy = await serveTcp(() => undefined);
    const interrupt = new AbortController();
    const downloading = download(['http://cdn.example/one.mp4'], {
      allowedHosts: ['cdn.example'],
      proxies: { httpProxy: `http://127.0.0.1:${String(proxy.port)}` },
      signal: interrupt.signal,
    });
    await expect.poll(() => proxy.connections()).toBe(1);
    const since = performance.now();
    interrupt.abort();
    await expect(downloading).rejects.toThrow('download of one.mp4 failed: it was interrupted');
    expect(performance.now() - since).toBeLessThan(10_000);
    expect(await filesIn()).toEqual([]);
  });
});

describe('prepareFolder', () => {
  it('makes a folder and leaves nothing in it', async () => {
    const made = join(directory, 'a', 'b');
    await prepareFolder(made);
    expect(await readdir(made)).toEqual([]);
  });

  it('leaves nothing in a folder whose disk takes the file, and not what it holds', async () => {
    const script = `import { prepareFolder } from '${new URL('../../../cli/download/download-output.ts', import.meta.url).href}';
      await prepareFolder(${JSON.stringify(directory)}).catch((error) => console.log(error.type));`;
    const shell = 'ulimit -f 0; exec "$0" --import tsx --input-type=module -e "$1"';
    const { stdout } = await promisify(execFile)('sh', ['-c', shell, process.execPath, script]);
    expect(stdout).toBe('DownloadFailed\n');
    expect(await filesIn()).toEqual([]);
  });

  it.each([
    ['a file of that name', async (path: string) => writeFile(path, 'x')],
    ['a link to a device that is always full', async (path: string) => symlink('/dev/full', path)],
    ['a system folder that takes no files', async (path: string) => symlink('/proc/self', path)],
  ])('refuses %s', async (_what, make) => {
    const path = join(directory, 'out');
    await make(path);
    await expect(prepareFolder(path)).rejects.toMatchObject({
      type: 'DownloadFailed',
      message: expect.stringContaining(`the folder ${path} cannot take files`) as string,
    });
  });
});

import type { Reply } from '../http/reply.ts';
import { mediaBytes, mediaTypes } from '../world/media.ts';
import type { World } from '../world/world.ts';
import type { Call } from './call.ts';

/** Answers `GET` and `HEAD /files/…`, the storage of output files, which needs no token. */
export function readFile(world: World, call: Call): Reply {
  const found = call.fileId === undefined ? undefined : world.findFile(call.fileId);
  if (found === undefined) return plain(404, 'NoSuchKey');
  const { job, index } = found;
  const ttl = world.settings.switches.url_ttl_ms;
  if (ttl !== null && world.now() - (job.finishedAt ?? 0) > ttl) return plain(410, 'Gone');
  const bytes = mediaBytes(job.kind, `${job.id}/${String(index)}`);
  const headers = { 'content-type': mediaTypes[job.kind].contentType, 'accept-ranges': 'bytes' };
  const range = /^bytes=(\d*)-(\d*)$/.exec(call.headers.range ?? '');
  if (range === null || (range[1] === '' && range[2] === '')) return { status: 200, headers, raw: bytes };

  const [, from = '', to = ''] = range;
  const start = from === '' ? Math.max(0, bytes.length - Number(to)) : Number(from);
  const end = from === '' || to === '' ? bytes.length - 1 : Math.min(Number(to), bytes.length - 1);
  if (start > end) return { status: 416, headers: { 'content-range': `bytes */${String(bytes.length)}` }, raw: '' };
  const contentRange = `bytes ${String(start)}-${String(end)}/${String(bytes.length)}`;
  return { status: 206, headers: { ...headers, 'content-range': contentRange }, raw: bytes.subarray(start, end + 1) };
}

function plain(status: number, text: string): Reply {
  return { status, headers: { 'content-type': 'text/plain' }, raw: text };
}

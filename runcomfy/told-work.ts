import { isJsonObject } from '../domain/json.ts';
import { parseJson } from './http/parse-json.ts';
import type { ReplyBody } from './http/transport.ts';
import { readStatusWord } from './schemas/status-words.ts';

/** The request id in the text of a reply that may be cut; undefined unless the id is complete. */
export function requestIdIn(text: string): string | undefined {
  const found = /"request_id"\s*:\s*(?:"([^"\\]+)"|(-?\d+)\s*[,}])/.exec(text);
  return found?.[1] ?? found?.[2];
}

/**
 * Whether a reply names a request and says that its work is queued, running or finished. Such work may be billed,
 * whatever else the reply says.
 */
export function tellsOfWork(body: ReplyBody): boolean {
  const text = body.kind === 'unreadable' ? (body.beginning ?? '') : body.text;
  const value = body.kind === 'json' ? body.value : jsonOf(text);
  if (value === undefined) return textTellsOfWork(text, body.kind === 'unreadable');
  if (!isJsonObject(value)) return false;
  const { request_id: named, status: word } = value;
  return isWork(word) && (typeof named === 'string' ? named.trim() !== '' : Number.isFinite(named));
}

/**
 * The same for text that is not JSON. A reply that was cut before its status may be an acknowledgement, unless it
 * speaks of an error.
 */
function textTellsOfWork(text: string, isCut: boolean): boolean {
  if (!/"request_id"\s*:\s*(?:"\s*[^"\s]|-?\d)/.test(text)) return false;
  const status = /"status"\s*:\s*(?:"([^"]*)"|[^"\s])/.exec(text);
  if (status !== null) return isWork(status[1]);
  return isCut && /^\s*\{/.test(text) && !/"(?:error|message|detail|code|title)/.test(text);
}

function isWork(word: unknown): boolean {
  const status = readStatusWord(word);
  return status === 'in_queue' || status === 'in_progress' || status === 'finished';
}

/**
 * Parses the text of a reply, undefined if it is not JSON. A reply counted as unreadable may still be whole: its
 * encoding header was wrong, or its connection ended.
 */
function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

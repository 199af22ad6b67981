import type { InputIssue } from '../../domain/generation.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import type { Switches } from '../settings/switches.ts';

/** An error in the API's own format. With the switch `errors_in_200`, it is sent as HTTP 200. */
export function errorReply(
  switches: Switches,
  status: number,
  code: number,
  message: string,
  extra: { detail?: unknown; headers?: Record<string, string> } = {},
): Reply {
  const detail = extra.detail === undefined ? {} : { detail: extra.detail };
  const http = switches.errors_in_200 ? 200 : status;
  return jsonReply(http, { error_code: code, error_message: message, ...detail }, extra.headers);
}

export function badToken(switches: Switches, message = 'The API token is missing, expired or revoked.'): Reply {
  switch (switches.auth_style) {
    case '401+401001':
      return errorReply(switches, 401, 401001, message);
    case '400+400004':
      return errorReply(switches, 400, 400004, message);
    case '403':
      return errorReply(switches, 403, 403003, message);
  }
}

export function emptyWallet(switches: Switches): Reply {
  const message = 'Insufficient balance.';
  switch (switches.balance_style) {
    case '402':
      return errorReply(switches, 402, 400002, message);
    case '400+400002':
      return errorReply(switches, 400, 400002, message);
    case '400+10001':
      return errorReply(switches, 400, 10001, message);
  }
}

export function unknownModel(switches: Switches, model: string): Reply {
  const message = `Invalid resource identifier: model "${model}" does not exist.`;
  if (switches.unknown_model === '404') return errorReply(switches, 404, 404001, message);
  return errorReply(switches, 400, 400001, message);
}

export function unknownRequest(switches: Switches): Reply {
  return errorReply(switches, 404, 404001, 'The request was not found: unknown, deleted or expired.');
}

export function foreignRequest(switches: Switches): Reply {
  return errorReply(switches, 403, 403001, 'Permission denied: the request belongs to another account.');
}

export function notReady(switches: Switches): Reply {
  return errorReply(switches, 400, 400005, 'The result is not ready yet.');
}

export function tooLarge(switches: Switches): Reply {
  const message = `The request body is longer than ${String(switches.body_cap_bytes)} bytes.`;
  return errorReply(switches, 413, 400001, message, { headers: { connection: 'close' } });
}

/**
 * A 429 reply. `retryAfter` overrides the switch: seconds, `date` (two seconds ahead) or any other text, sent as it is.
 */
export function tooMany(switches: Switches, retryAfter?: number | string): Reply {
  const wanted = retryAfter ?? (switches.retry_after === 'seconds' ? 2 : switches.retry_after);
  const headers: Record<string, string> = wanted === 'absent' ? {} : { 'retry-after': retryAfterValue(wanted) };
  return errorReply(switches, 429, 429001, 'Too many requests.', { headers });
}

/** The header's text: seconds, `date` for an HTTP date two seconds ahead, or any other text, sent as it is. */
export function retryAfterValue(wanted: number | string): string {
  if (wanted === 'date') return new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000).toUTCString();
  return String(wanted);
}

export function invalidInput(switches: Switches, issues: InputIssue[]): Reply {
  const detail = issues.map(({ path, message }) => ({
    loc: locationOf(path),
    msg: message,
    type: 'value_error',
  }));
  return errorReply(switches, switches.validation_http, 422001, 'Validation failed.', { detail });
}

/** `$.multi_prompt[2].duration` → `['body', 'multi_prompt', 2, 'duration']`. */
function locationOf(path: string): (string | number)[] {
  const parts = [...path.matchAll(/\.([A-Za-z0-9_]+)|\[(\d+)\]|\["([^"]*)"\]/g)];
  return [
    'body',
    ...parts.map(([, name, index, quoted]) => (index === undefined ? (name ?? quoted ?? '') : Number(index))),
  ];
}

import { apiBase } from './api/operation.ts';
import { problemReply, type RefusedCall } from './api/problem-reply.ts';
import { toCallersRefusal } from './callers-refusal.ts';
import { refusals } from './http/refusal-error.ts';
import { isOfAgents, protocolError } from './mcp/protocol-error.ts';
import { errorReply } from './runcomfy-api/error-reply.ts';

/** An error as the reply to a call. */
export interface RefusalReply {
  status: number;
  headers: Record<string, string>;
  body: object;
  /**
   * Text for the log. For errors of the caller it is only the refusal's name, since everything else may quote the call.
   */
  said: string;
  cause: unknown;
}

/** A refusal in the format of the API that was called. */
export function refusalReply(error: unknown, request: RefusedCall): RefusalReply {
  if (isOwn(request.url)) {
    const { problem, headers, cause } = problemReply(error, request);
    const { status, detail, name } = problem;
    const reply = { status, headers: { ...headers, 'content-type': 'application/problem+json' }, body: problem };
    return { ...reply, ...loggedOf(status, { name, sentence: detail, cause }) };
  }
  const refusal = toCallersRefusal(error, request.principal);
  const { status, body } = isOfAgents(request.url)
    ? protocolError(refusal)
    : { status: refusals[refusal.refusal].status, body: errorReply(refusal) };
  const headers = { ...refusal.headers, 'content-type': 'application/json' };
  const { refusal: name, message: sentence, cause } = refusal;
  return { status, headers, body, ...loggedOf(status, { name, sentence, cause }) };
}

function loggedOf(status: number, { name, sentence, cause }: { name: string; sentence: string; cause: unknown }) {
  return status < 500 ? { said: name, cause: undefined } : { said: sentence, cause };
}

function isOwn(url: string): boolean {
  return url === apiBase || url.startsWith(`${apiBase}/`) || url.startsWith(`${apiBase}?`);
}

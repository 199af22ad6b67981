import { apiBase } from './api/operation.ts';
import { problemReply, type RefusedCall } from './api/problem-reply.ts';
import { toCallersRefusal } from './callers-refusal.ts';
import { refusals } from './http/refusal-error.ts';
import { errorReply } from './runcomfy-api/error-reply.ts';

/** An error as it is answered. */
export interface RefusalReply {
  status: number;
  headers: Record<string, string>;
  body: object;
  /** What the log is told. */
  said: string;
  cause: unknown;
}

/** A refusal in the words of the API that was called. */
export function refusalReply(error: unknown, request: RefusedCall): RefusalReply {
  if (isOwn(request.url)) {
    const { problem, headers, cause } = problemReply(error, request);
    const { status, detail: said } = problem;
    return { status, headers: { ...headers, 'content-type': 'application/problem+json' }, body: problem, said, cause };
  }
  const refusal = toCallersRefusal(error, request.principal);
  const { status } = refusals[refusal.refusal];
  const headers = { ...refusal.headers, 'content-type': 'application/json' };
  return { status, headers, body: errorReply(refusal), said: refusal.message, cause: refusal.cause };
}

function isOwn(url: string): boolean {
  return url === apiBase || url.startsWith(`${apiBase}/`) || url.startsWith(`${apiBase}?`);
}

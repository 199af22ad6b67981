import { type RefusalError, type RefusalName, refusals } from '../http/refusal-error.ts';

/** JSON-RPC codes of refusals; all others have `ownCode`. */
const codes: Partial<Record<RefusalName, number>> = {
  BrokenJson: -32_700,
  MalformedRequest: -32_600,
  Internal: -32_603,
};
const ownCode = -32_000;

/** Whether a path is that of the tools for agents. */
export function isOfAgents(url: string): boolean {
  return /^\/mcp\/?(?:\?|$)/.test(url);
}

/** A refusal before any message was read, as an error of the agents' protocol. */
export function protocolError({ refusal, message }: RefusalError): { status: number; body: object } {
  const error = { code: codes[refusal] ?? ownCode, message };
  const status = refusal === 'BrokenJson' ? 400 : refusals[refusal].status;
  return { status, body: { jsonrpc: '2.0', id: null, error } };
}

import { type RefusalError, type RefusalName, refusals } from '../http/refusal-error.ts';

/** Codes of JSON-RPC; what it has none for is the server's own. */
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

/** What is refused before a message was read, as agents expect the faults of their protocol. */
export function protocolError({ refusal, message }: RefusalError): { status: number; body: object } {
  const error = { code: codes[refusal] ?? ownCode, message };
  const status = refusal === 'BrokenJson' ? 400 : refusals[refusal].status;
  return { status, body: { jsonrpc: '2.0', id: null, error } };
}

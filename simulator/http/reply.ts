/** A reply of the simulator: JSON, or raw bytes with their content type. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly raw?: Buffer | string;
}

export function jsonReply(status: number, json: unknown, headers: Record<string, string> = {}): Reply {
  return { status, json, headers };
}

/** The bytes and headers to send for a reply; JSON is compact. */
export function encodeReply(reply: Reply): { status: number; headers: Record<string, string>; body: Buffer } {
  const isRaw = reply.raw !== undefined;
  const body = Buffer.from(isRaw ? (reply.raw ?? '') : reply.json === undefined ? '' : JSON.stringify(reply.json));
  const type = isRaw || reply.json === undefined ? {} : { 'content-type': 'application/json' };
  return { status: reply.status, headers: { ...type, 'content-length': String(body.length), ...reply.headers }, body };
}

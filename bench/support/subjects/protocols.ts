import { isJsonObject } from '../../../domain/json.ts';

/** What a peer's call means in RunComfy's terms. `poll` is a peer's single read of both status and output. */
export type Meaning =
  { step: 'submit'; input: unknown } | { step: 'status' | 'result' | 'poll' | 'cancel'; requestId: string };

/** RunComfy's answers to one call, as far as there are any. */
export interface Replies {
  requestId?: string;
  status?: string;
  output?: Record<string, unknown>;
  error?: unknown;
}

/** A peer's wire protocol: how to read its calls and how to express RunComfy's answers. */
export interface Protocol {
  read: (method: string, path: string, body: unknown) => Meaning | undefined;
  write: (meaning: Meaning, replies: Replies, base: string) => { status: number; json: unknown };
}

const later = '2099-01-01T00:00:00.000Z';
const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';

/** The model and input that every subject sends; all subjects share its ledger. */
export const order = { model, input: { prompt: 'a red bicycle in the rain' } };

function words(queued: string, running: string, done: string, failed: string, cancelled: string) {
  return (status = ''): string => {
    switch (status) {
      case 'in_queue':
        return queued;
      case 'completed':
      case 'succeeded':
        return done;
      case 'failed':
        return failed;
      case 'cancelled':
      case 'canceled':
        return cancelled;
      default:
        return running;
    }
  };
}

function lastPart(path: string): string {
  return path.split('/').at(-1) ?? '';
}

function urls(output: Record<string, unknown> | undefined): string[] {
  return Object.values(output ?? {})
    .flat()
    .filter((value) => typeof value === 'string');
}

const fal: Protocol = {
  read(method, path, body) {
    const id = /\/requests\/([^/]+)/.exec(path)?.[1];
    if (method === 'POST') return { step: 'submit', input: body };
    if (id === undefined) return undefined;
    if (method === 'PUT') return { step: 'cancel', requestId: id };
    return { step: path.endsWith('/status') ? 'status' : 'result', requestId: id };
  },
  write({ step }, { requestId, status, output }, base) {
    const about = `${base}/fal/requests/${requestId ?? ''}`;
    const links = { response_url: about, status_url: `${about}/status`, cancel_url: `${about}/cancel` };
    const id = requestId === undefined ? {} : { request_id: requestId };
    if (step === 'submit') return { status: 200, json: { ...id, status: 'IN_QUEUE', queue_position: 0, ...links } };
    if (step === 'result') return { status: 200, json: { images: urls(output).map((url) => ({ url })) } };
    const word = words('IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'COMPLETED', 'COMPLETED');
    return { status: 200, json: { ...id, status: word(status), ...links } };
  },
};

const replicate: Protocol = {
  read(method, path, body) {
    if (method === 'GET') return { step: 'poll', requestId: lastPart(path) };
    if (path.endsWith('/cancel')) return { step: 'cancel', requestId: path.split('/').at(-2) ?? '' };
    return { step: 'submit', input: isJsonObject(body) ? body['input'] : body };
  },
  write({ step }, { requestId, status, output, error }, base) {
    const word = words('starting', 'processing', 'succeeded', 'failed', 'canceled');
    const about = `${base}/v1/predictions/${requestId ?? ''}`;
    const json = {
      id: requestId,
      status: word(status),
      urls: { get: about, cancel: `${about}/cancel` },
      output: output && urls(output),
      error,
    };
    return { status: step === 'submit' ? 201 : 200, json };
  },
};

const comfy: Protocol = {
  read(method, path, body) {
    if (method === 'GET') return { step: 'poll', requestId: lastPart(path) };
    if (path.endsWith('/cancel')) return { step: 'cancel', requestId: path.split('/').at(-2) ?? '' };
    return isJsonObject(body) ? { step: 'submit', input: order.input } : undefined;
  },
  write({ step }, { requestId, status, output }, base) {
    const word = words('queued', 'running', 'succeeded', 'failed', 'canceled');
    const self = `${base}/api/v2/jobs/${requestId ?? ''}`;
    const outputs = urls(output).map((url, index) => ({
      node_id: '1',
      name: `output-${String(index)}`,
      type: 'image',
      content_type: 'image/png',
      size_bytes: 1,
      id: `${requestId ?? ''}-${String(index)}`,
      hash: null,
      url,
      url_expires_at: later,
    }));
    const json = {
      id: requestId,
      status: word(status),
      created_at: new Date().toISOString(),
      started_at: null,
      completed_at: null,
      expires_at: later,
      queue_position: null,
      progress: null,
      outputs,
      error: null,
      urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
    };
    return { status: step === 'submit' ? 201 : 200, json };
  },
};

const runpod: Protocol = {
  read(method, path, body) {
    if (path.includes('/status/')) return { step: 'poll', requestId: lastPart(path) };
    if (path.includes('/cancel/')) return { step: 'cancel', requestId: lastPart(path) };
    return method === 'POST' && isJsonObject(body) ? { step: 'submit', input: body['input'] } : undefined;
  },
  write(_meaning, { requestId, status, output }) {
    const word = words('IN_QUEUE', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED');
    return { status: 200, json: { id: requestId, status: word(status), output: output && urls(output) } };
  },
};

/** The protocols of peers with clients of their own; workflow engines use RunComfy's. */
export const protocols = { fal, replicate, comfy, runpod };

export type ProtocolName = keyof typeof protocols;

import { expect } from 'vitest';
import { type LedgerJob, type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { onTestFinished } from './test-end.ts';

/** The model of the project's seed: image to video. */
export const kling = 'kling/kling-3.0/standard/image-to-video';
/** A text-to-image model. */
export const flux = 'blackforestlabs/flux-2-klein/4b/text-to-image';
export const klingInput = { prompt: 'A cliff at golden hour', start_image_url: 'https://images.example.com/cliff.png' };

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export interface CallOptions {
  body?: unknown;
  token?: string | null;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface TestClock {
  readonly now: () => number;
  readonly tick: (ms: number) => void;
}

/** A clock that moves only by `tick`. */
export function createTestClock(start = Date.UTC(2026, 10, 1)): TestClock {
  let now = start;
  return {
    now: () => now,
    tick(ms) {
      now += ms;
    },
  };
}

export interface TestSimulator {
  readonly sim: Simulator;
  readonly clock: TestClock;
  /** Makes an HTTP call; the path is relative to the simulator's root. Redirects are not followed. */
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  /** Submits and returns the request id of the accepted job. */
  readonly submit: (model?: string, input?: Record<string, unknown>, token?: string) => Promise<string>;
  readonly status: (id: string) => Promise<Record<string, unknown>>;
  readonly result: (id: string) => Promise<Record<string, unknown>>;
  readonly cancel: (id: string) => Promise<Record<string, unknown>>;
  readonly jobOf: (id: string) => LedgerJob;
}

/**
 * Starts a simulator with a clock of its own. By default, jobs queue for 1 s and run for 1 s. It stops at the end of
 * the test.
 */
export async function startTestSimulator(options: SimulatorOptions = {}): Promise<TestSimulator> {
  const clock = createTestClock();
  const sim = await startSimulator({
    seed: 7,
    clock,
    profiles: { '*': { queueMs: 1_000, runMs: 1_000 } },
    ...options,
  });
  onTestFinished(() => sim.close());

  async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, token = 'sim-test', headers = {}, signal } = options;
    const response = await fetch(`${sim.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parseObject(text) };
  }

  return {
    sim,
    clock,
    call,
    async submit(model = flux, input = { prompt: 'A cat' }, token = 'sim-test') {
      const { status, json, text } = await call('POST', `/v1/models/${model}`, { body: input, token });
      expect(status, text).toBeLessThan(300);
      return String(json['request_id']);
    },
    status: async (id) => (await call('GET', `/v1/requests/${id}/status`)).json,
    result: async (id) => (await call('GET', `/v1/requests/${id}/result`)).json,
    cancel: async (id) => (await call('POST', `/v1/requests/${id}/cancel`)).json,
    jobOf(id) {
      const job = sim.ledger().jobs.find((candidate) => candidate.id === id);
      if (job === undefined) throw new Error(`The ledger has no job ${id}.`);
      return job;
    },
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

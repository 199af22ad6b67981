import type { AddressInfo } from 'node:net';
import type { Client } from '@temporalio/client';
import pino from 'pino';
import { type Access, createAccess } from '../../gateway/access/access.ts';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { createGateway } from '../../gateway/create-gateway.ts';
import type { GatewayParts } from '../../gateway/gateway-parts.ts';
import { originOf } from '../../gateway/http/guards.ts';
import { createGatewayMetrics } from '../../gateway/metrics/gateway-metrics.ts';
import { flux } from './simulator-client.ts';
import { onTestFinished } from './test-end.ts';

/** The only origin whose pages may call the gateway. */
export const page = 'https://page.example.com';
/** The queries sent to the catalogue. */
export const told: string[] = [];
const refusedBy = (httpStatus: number) =>
  Promise.reject(Object.assign(new Error('refused'), { httpStatus, vendorMessage: 'limit must be positive' }));
const catalogue = {
  models: (query: string) => {
    told.push(query);
    return query.includes('limit=0') ? refusedBy(422) : Promise.resolve('{}');
  },
  entry: (model: string) => Promise.resolve(model === flux ? { model, categories: [] } : undefined),
  check: () => Promise.resolve({ issues: [], warnings: [] }),
  price: () => Promise.resolve({ basis: 'unknown' }),
};

/** A Temporal server whose visibility index is empty. */
const temporal = {
  options: { namespace: 'default' },
  withDeadline: (_: number, ask: () => unknown) => ask(),
  workflowService: {
    listWorkflowExecutions: () => Promise.resolve({ executions: [], nextPageToken: new Uint8Array() }),
  },
};

/**
 * Starts a gateway in front of a Temporal that accepts every call; returns its URL. It stops at the end of the test.
 */
export async function serve(access: Access, more: object = {}) {
  const state = { model: flux, submission: 'accepted', reads: 1, deadlineAt: '2026-11-28T00:00:00.000Z' };
  const seen = { phase: 'in_queue', runId: 'r', startedAt: '2026-11-27T00:00:00.000Z', ...state };
  const handle = {
    runId: 'r',
    attached: false,
    notices: [],
    cancel: () => Promise.resolve({ outcome: 'cancelled', phase: 'cancelled' }),
    nudge: () => Promise.resolve(),
  };
  const parts = {
    access,
    catalogue,
    originOf,
    log: pino({ level: 'silent' }),
    metrics: createGatewayMetrics(),
    client: temporal as unknown as Client,
    settings: { host: '127.0.0.1', onUnknownSubmission: 'hold', submitGraceMs: 0, corsOrigins: [page] },
    isDraining: () => false,
    reader: {
      read: (key: string) => Promise.resolve({ ...seen, key, state: seen }),
      known: () => undefined,
      note: () => undefined,
      refresh: () => undefined,
    },
    generations: { get: (key: string) => Promise.resolve({ ...handle, key }) },
    ...more,
  } as unknown as GatewayParts;
  const app = await createGateway(parts, () => Promise.resolve({ ready: true }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  return `http://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
}

/** An API key with these fields in its record, and access rules that accept it. */
export function withKey(more: object) {
  const { id, key } = createApiKey();
  const record = { id, name: 'render farm', tenant: 'acme', scopes: ['generate' as const], sha256: digestOf(key) };
  const keys = [{ ...record, createdAt: new Date().toISOString(), ...more }];
  const access = createAccess({ keys: () => Promise.resolve(keys), onFailure: () => undefined });
  return { access, keys, id, headers: { authorization: `Bearer ${key}` } };
}

import { type Client, ServiceError } from '@temporalio/client';
import { expect, it } from 'vitest';
import { grpcCode } from '../../../client/grpc.ts';
import { GenerationError, type GenerationErrorType } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const order = { key: 'k', model: flux, requestId: '7f9c2ba4-e88f-4272-b5b0-1d2f6a3c9e10' };
const adopt = { action: 'adopt', requestId: order.requestId };
const admin = withKey({ scopes: ['admin'] });
const reader = { note: () => undefined, refresh: () => undefined };
const refused = (code: number) =>
  new ServiceError('refused', { cause: Object.assign(new Error('why'), { code, details: '', metadata: {} }) });

/** A gateway before a Temporal whose index tells these keys of the request; what was started, and what was looked for. */
async function gatewayOver(keys: string[] | Error, { access = withKey({}), isBusy = false, isHeld = true } = {}) {
  const started: string[] = [];
  const queries: string[] = [];
  const listWorkflowExecutions = ({ query }: { query: string }) => {
    queries.push(query);
    if (isBusy && queries.length === 1) return Promise.reject(refused(grpcCode.resourceExhausted));
    if (keys instanceof Error) return Promise.reject(keys);
    const executions = keys.map((workflowId) => ({ execution: { workflowId, runId: 'r' } }));
    return Promise.resolve({ executions, nextPageToken: new Uint8Array() });
  };
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_: number, ask: () => unknown) => ask(),
    workflowService: { listWorkflowExecutions },
  } as unknown as Client;
  const start = (_: object, { key, attachOnly }: { key: string; attachOnly?: true }) => {
    if (attachOnly) return Promise.reject(new GenerationError({ type: 'KeyNotFound', message: 'none', key }));
    started.push(key);
    return Promise.resolve({ key, runId: 'r', attached: false, notices: [] });
  };
  const decided: unknown[] = [];
  const resolveSubmission = (decision: { requestId?: string }) => {
    const refuse = (type: GenerationErrorType, message: string) =>
      Promise.reject(new GenerationError({ type, message: `generation "k": ${message}`, key: 'k' }));
    if (!isHeld) return refuse('ResolutionRefused', 'nothing to resolve');
    if ('requestId' in decision && decision.requestId !== order.requestId)
      return refuse('RequestNotFound', 'RunComfy knows no such request, or it has expired (HTTP 404)');
    decided.push(decision);
    return Promise.resolve({ phase: 'in_queue' });
  };
  const get = (key: string) => Promise.resolve({ key, resolveSubmission });
  const url = await serve(access.access, { client, generations: { start, get }, reader });
  const send = (path: string, body: object) => call(url, path, { method: 'POST', headers: access.headers, body });
  const post = () => send('/api/v1/generations', order);
  const decide = (decision: object) => send('/api/v1/generations/k/resolution', decision);
  return { post, decide, started, decided, queries };
}

it.each([
  ["is nobody's", []],
  ['is its own', ['acme/before', 'acme/before/late']],
  ['is its own, though another has got at it', ['umbrella/theirs', 'acme/mine']],
  ['no index tells of', refused(grpcCode.invalidArgument)],
])('a tenant takes a request over that %s', async (_what, keys) => {
  const { post, started, queries } = await gatewayOver(keys);
  const answer = await post();
  expect(answer, answer.text).toMatchObject({ status: 201, json: { key: 'k' } });
  expect(started).toEqual(['acme/k']);
  const { requestId } = order;
  const either = `RunComfyRequestId IN ("${requestId}", "${requestId.toUpperCase()}")`;
  expect(queries).toEqual([expect.stringContaining(either)]);
});

it.each([
  ["another tenant's", ['umbrella/theirs']],
  ["another's whose name begins so", ['acme-2/theirs']],
  ['that of whoever acts for all tenants', ['theirs']],
])('a tenant takes no request over that is %s, nor learns whose it is', async (_what, keys) => {
  const { post, started } = await gatewayOver(keys);
  const answer = await post();
  const issues = [{ path: 'body.requestId', message: 'there is no such request' }];
  expect(answer, answer.text).toMatchObject({ status: 422, json: { name: 'InvalidInput', issues } });
  expect(answer.text).not.toContain('theirs');
  expect(started).toEqual([]);
});

it('a tenant waits for an index that is busy', async () => {
  const { post, started, queries } = await gatewayOver(['umbrella/theirs'], { isBusy: true });
  expect(await post()).toMatchObject({ status: 422 });
  expect([started, queries.length]).toEqual([[], 2]);
});

it('whoever acts for all tenants takes over whatever there is', async () => {
  const access = { ...withKey({}), access: anonymousAccess, headers: { authorization: '' } };
  const { post, started } = await gatewayOver(['acme/k'], { access });
  expect(await post()).toMatchObject({ status: 201 });
  expect(started).toEqual(['k']);
});

it.each([
  ["is nobody's", []],
  ['is its own, though another has got at it', ['umbrella/theirs', 'acme/mine']],
  ['no index tells of', refused(grpcCode.invalidArgument)],
])('a tenant adopts a request that %s', async (_what, keys) => {
  const { decide, decided } = await gatewayOver(keys, { access: admin });
  const answer = await decide(adopt);
  expect(answer, answer.text).toMatchObject({ status: 200, json: { phase: 'in_queue' } });
  expect(decided).toEqual([adopt]);
});

it.each([
  ["another tenant's", ['umbrella/theirs']],
  ["another's whose name begins so", ['acme-2/theirs']],
  ['that of whoever acts for all tenants', ['theirs']],
])('a tenant adopts no request that is %s, nor learns that it is there', async (_what, keys) => {
  for (const isHeld of [true, false]) {
    const over = (known: string[]) => gatewayOver(known, { access: admin, isHeld });
    const [foreign, unknown] = await Promise.all([over(keys), over([])]);
    const answer = await foreign.decide(adopt);
    expect(answer, answer.text).toMatchObject({ status: 409, json: { name: 'ResolutionRefused' } });
    const ofNone = await unknown.decide({ ...adopt, requestId: '0d7c1f4e-2f64-4c1f-9a53-8a4f5b1f7f10' });
    const told = ({ json: { traceId: _, ...more } }: typeof answer) => more;
    expect(told(answer)).toEqual(told(ofNone));
    expect(foreign.decided).toEqual([]);
  }
});

it('a tenant decides otherwise without a look at the index', async () => {
  const { decide, decided, queries } = await gatewayOver(['umbrella/theirs'], { access: admin });
  expect(await decide({ action: 'abandon' })).toMatchObject({ status: 200 });
  expect([decided, queries]).toEqual([[{ action: 'abandon' }], []]);
});

it('whoever acts for all tenants adopts whatever there is', async () => {
  const access = { ...withKey({}), access: anonymousAccess, headers: { authorization: '' } };
  const { decide, decided } = await gatewayOver(['acme/k'], { access });
  expect(await decide(adopt)).toMatchObject({ status: 200 });
  expect(decided).toEqual([adopt]);
});

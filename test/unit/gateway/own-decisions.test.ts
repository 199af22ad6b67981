import { expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { EndedError } from '../../../gateway/api/ended-error.ts';
import { problemReply } from '../../../gateway/api/problem-reply.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';

it.each(['ServiceUnavailable', 'RateLimited'] as const)(
  'asks for a decision once more where RunComfy gave no word on it: %s',
  async (type) => {
    const message = 'generation "k": RunComfy is away';
    const resolveSubmission = () => Promise.reject(new GenerationError({ type, message, key: 'k' }));
    const get = (key: string) => Promise.resolve({ key, resolveSubmission });
    const url = await serve(anonymousAccess, { generations: { get } });
    const body = { action: 'adopt', requestId: 'r-1' };
    const answer = await call(url, '/api/v1/generations/k/resolution', { method: 'POST', body });
    expect(answer, answer.text).toMatchObject({ status: 503, json: { name: type, detail: message, retryAfterS: 2 } });
    expect(answer.headers['retry-after']).toBe('2');
    // What has ended so stands in the way of its result for good.
    const ended = new EndedError('k', { type, message, details: { submission: 'not_sent' } });
    const { problem, headers } = problemReply(ended, { id: 'i', url: '/' });
    expect([problem.status, headers]).toEqual([409, {}]);
  },
);

it.each([
  ['pause', { reason: 'lunch' }, ['lunch']],
  ['resume', { reason: 'lunch is over' }, ['lunch is over']],
  ['resume', undefined, [undefined]],
] as const)('hands on the reason for which a batch is told to %s: %j', async (route, body, given) => {
  const told: unknown[] = [];
  const tell = (...reasons: unknown[]) => {
    told.push(...reasons);
    return Promise.resolve({ phase: 'running' });
  };
  const get = (key: string) => Promise.resolve({ key, pause: tell, resume: tell });
  const url = await serve(anonymousAccess, { generations: { batches: { get } } });
  const answer = await call(url, `/api/v1/batches/k/${route}`, { method: 'POST', ...(body && { body }) });
  expect(answer, answer.text).toMatchObject({ status: 200, json: { phase: 'running' } });
  expect(told).toEqual(given);
});

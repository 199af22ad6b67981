import { expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

it.each([
  ['seal', {}],
  ['add', { from: 0, items: [{ id: 'a', model: flux, input: {} }] }],
])('%s of a batch that was stopped while it was open is refused: it may be run again', async (route, body) => {
  const refuse = () =>
    Promise.reject(new GenerationError({ type: 'ResolutionRefused', message: 'batch "k" has ended', key: 'k' }));
  const none = () => Promise.resolve(undefined);
  const state = () => Promise.resolve({ phase: 'cancelled', money: {} });
  const handle = { key: 'k', plan: none, defaults: none, budgets: none, state, seal: refuse, add: refuse };
  const url = await serve(anonymousAccess, { generations: { batches: { get: () => Promise.resolve(handle) } } });
  const answer = await call(url, `/api/v1/batches/k/${route}`, { method: 'POST', body });
  expect(answer, answer.text).toMatchObject({ status: 409, json: { name: 'ResolutionRefused' } });
});

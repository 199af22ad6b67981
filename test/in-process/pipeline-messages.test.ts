import { expect, it } from 'vitest';
import { pipelinesInProcess } from '../support/pipeline-in-process.ts';

const start = pipelinesInProcess();
const plan = { version: 1, steps: { pick: { approval: { choose: ['a', 'b'], deadline: '1h' } } } };
const decision = { step: 'pick', decision: 'approve', choose: 1 };

it.each<[string, object, string]>([
  ['cancel', { detatch: true }, '$.detatch: unknown field; cancel has reason, detach'],
  ['cancel', { detach: 'true' }, '$.detach: expected true or false, got "true"'],
  ['cancel', { reason: 7 }, '$.reason: expected text, got 7'],
  ['decide', { ...decision, chose: 0 }, 'chose: unknown field; a decision has step, decision, choose, reason, by'],
  ['decide', { ...decision, reason: ['late'] }, 'reason: expected text, got an array'],
  ['decide', { ...decision, by: 7 }, 'by: expected text, got 7'],
])('update %s refuses %j, and what it says properly is taken', async (name, message, says) => {
  const { execution, time, end } = await start({ plan });
  const told: unknown[] = [];
  const tell = (payload: object) => {
    const answer = execution.update(name, payload);
    void answer.catch((error: unknown) => error).then((reply) => told.push(reply));
  };
  const proper = name === 'decide' ? { ...decision, reason: null, by: null } : { reason: null, detach: true };
  time.after(10_000, () => {
    tell(message);
  });
  time.after(20_000, () => {
    tell(proper);
  });
  const { state } = await end();
  const refusal = { type: 'InvalidInput', message: expect.stringContaining(says) as string };
  expect(told).toEqual([expect.objectContaining(refusal), expect.anything()]);
  expect(state.phase).toBe(name === 'decide' ? 'succeeded' : 'cancelled');
});

it('a signal is taken with what it says besides', async () => {
  const { execution, time, end } = await start({ plan });
  time.after(10_000, () => {
    execution.signal('decide', { ...decision, by: 7, chose: 0 });
  });
  expect((await end()).state).toMatchObject({ phase: 'succeeded', steps: [{ approval: { chosen: ['b'] } }] });
});

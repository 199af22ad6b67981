import { describe, expect, it } from 'vitest';
import { fidelityStatement, startSimulator, type Switches, switchTable } from '../../../simulator/index.ts';
import { startTestSimulator } from '../../support/simulator-client.ts';
import type { Case, SwitchName } from './switch-case.ts';
import { answerCases } from './switch-cases-of-answers.ts';
import { workCases } from './switch-cases-of-work.ts';

const cases: { [Name in SwitchName]: Case<Name>[] } = { ...answerCases, ...workCases };

const trials = Object.entries(cases).flatMap(([name, list]) => (list as Case[]).map((trial) => ({ name, ...trial })));

describe('switches', () => {
  it.each(trials)('$name = $value changes what a caller sees', async ({ name, value, shows }) => {
    await shows(await startTestSimulator({ switches: { [name]: value } }));
  });

  it('have the documented side as the normal one', async () => {
    const { sim } = await startTestSimulator();
    expect(sim.switches()).toMatchObject({
      submit_http: 200,
      failed_in_status: false,
      success_word: 'succeeded',
      not_ready: 'state200',
      auth_style: '401+401001',
      balance_style: '402',
      cancelled_spelling: 'cancelled',
      error_shape: 'string',
      output_keys: 'auto',
      errors_in_200: false,
    });
  });

  it('can be changed while it runs, with on and off for yes and no', async () => {
    const { call } = await startTestSimulator();
    const { status, json } = await call('PUT', '/__sim/switches', { body: { echo_input: 'off', max_parallel: 9 } });
    expect(status).toBe(200);
    expect(json).toMatchObject({ echo_input: false, max_parallel: 9, submit_http: 200 });
  });

  it.each([
    [{ no_such: 1 }, /no switch "no_such"/],
    [{ submit_http: 201 }, /"submit_http"/],
    [{ charge_on: 'never' }, /"charge_on"/],
  ])('refuse %j in one sentence', async (patch, message) => {
    const { call } = await startTestSimulator();
    const { status, json } = await call('PUT', '/__sim/switches', { body: patch });
    expect(status).toBe(400);
    expect(json['error']).toMatch(message);
    await expect(startSimulator({ switches: patch as Partial<Switches> })).rejects.toThrow(message);
  });
});

describe('the fidelity statement', () => {
  it('names every assumption with its value and says that nothing was checked live', async () => {
    const { sim } = await startTestSimulator({ switches: { max_parallel: 3 } });
    const statement = fidelityStatement(sim.switches());
    const assumed = Object.entries(switchTable).filter(([, { confidence }]) => confidence === 'assumed');
    for (const [name] of assumed) expect(statement).toContain(`  ${name} = `);
    expect(statement).toContain('max_parallel = 3');
    expect(statement).toMatch(/no call to the live service/);
    expect(statement).not.toContain('submit_http');
  });
});

import { describe, expect, it, onTestFinished } from 'vitest';
import { startSimulator, type Switches } from '../../../simulator/index.ts';
import { commandInProcess } from '../../support/command-in-process.ts';
import { flux, kling, klingInput } from '../../support/simulator-client.ts';

/** A profile that nobody has: a command that wants Temporal ends at once. */
const noTemporal = { TEMPORAL_PROFILE: 'no-such-profile' };

interface Failure {
  error: { type: string; message: string; issues?: { path: string; message: string }[] };
}

/** The variables of a command line whose RunComfy is a simulator; no Temporal is near. */
async function variables(more: Partial<Switches> = {}): Promise<Record<string, string>> {
  const simulator = await startSimulator({ seed: 1, switches: more });
  onTestFinished(() => simulator.close());
  const { modelApiBase: RUNCOMFY_MODEL_API_BASE, serverlessApiBase: RUNCOMFY_SERVERLESS_API_BASE } = simulator;
  const at = { RUNCOMFY_MODEL_API_BASE, RUNCOMFY_SERVERLESS_API_BASE };
  return { ...at, RUNCOMFY_API_TOKEN: 'sim-cli', ...noTemporal };
}

async function json(args: string[], env: Record<string, string>) {
  const { exitCode, stdout } = await commandInProcess([...args, '--output', 'json'], env);
  return { exitCode, document: JSON.parse(stdout) as Failure };
}

describe('validate', () => {
  const mistyped = kling.replace('kling-3.0', 'kling-3');

  it.each(['400+400001', '404'] as const)(
    'of a model that does not exist (%s) names the nearest ones, and problems too: 65',
    async (word) => {
      const env = await variables({ unknown_model: word });
      const { exitCode, document } = await json(['validate', mistyped, '--input', '{"seed":1e400}'], env);
      expect(exitCode).toBe(65);
      expect(document.error.message).toContain(`RunComfy has no model ${mistyped}; nearest: ${kling}`);
      expect(document.error.issues?.map(({ path }) => path)).toEqual(['request.model', '$.seed']);
    },
  );

  it('says without a token that only the catalogue knows such a model, and which bundled ones are near: 78', async () => {
    const { exitCode, document } = await json(['validate', mistyped, '--input', '{}'], { RUNCOMFY_API_TOKEN: '' });
    expect({ exitCode, type: document.error.type }).toEqual({ exitCode: 78, type: 'Configuration' });
    expect(document.error.message).toContain(kling);
  });

  it('tells problems and warnings at once', async () => {
    const input = JSON.stringify({ ...klingInput, duration: 2, durration: 5 });
    const ended = await commandInProcess(['validate', kling, '--input', input, '--output', 'pretty'], {});
    expect(ended.exitCode).toBe(65);
    expect(ended.stderr).toContain('$.duration');
    expect(ended.stderr).toContain('warning: $.durration');
  });

  it.each([
    ['no model id', ['validate', 'kling', '--input', '{}'], 65, 'InvalidInput'],
    ['no input', ['validate', kling], 64, 'Usage'],
    ['an input that is a list', ['validate', kling, '--input', '[]'], 65, 'InvalidInput'],
  ] as const)('refuses %s', async (_what, args, code, type) => {
    const { exitCode, document } = await json([...args], {});
    expect({ exitCode, type: document.error.type }).toEqual({ exitCode: code, type });
  });
});

describe('prices', () => {
  it.each([
    ['a bundled model', kling, klingInput, /^expected price: \$1\.26$/m],
    ['a model of the catalogue', flux, { prompt: 'a cat' }, /^expected price: \$\d/m],
    ['a model that nobody knows', 'a/b', { prompt: 'a cat' }, /^expected price: unknown: /m],
  ])('are told before %s is ordered, on standard error', async (_what, model, input, line) => {
    const command = ['generate', model, '--input', JSON.stringify(input), '--key', 'k'];
    const env = await variables();
    const told = await commandInProcess([...command, '--output', 'pretty'], env);
    expect(told).toMatchObject({ exitCode: 78, stdout: '', stderr: expect.stringMatching(line) as string });
    expect(told.stderr.indexOf('expected price')).toBeLessThan(told.stderr.indexOf('Configuration'));
    expect((await commandInProcess([...command, '--output', 'json'], env)).stderr).not.toContain('expected price');
  });

  it('are not told of a request that is taken over, which orders nothing', async () => {
    const command = ['generate', kling, '--request-id', 'r-1', '--key', 'k', '--output', 'pretty'];
    expect((await commandInProcess(command, await variables())).stderr).not.toContain('expected price');
  });

  it('that the simulator made up are marked so in the list of models', async () => {
    const { stdout } = await commandInProcess(['models', '--output', 'pretty'], await variables());
    const rows = stdout.split('\n');
    expect(rows.find((row) => row.startsWith(kling))).not.toContain('made up');
    expect(rows.filter((row) => row.includes('made up by the simulator')).length).toBeGreaterThan(0);
  });
});

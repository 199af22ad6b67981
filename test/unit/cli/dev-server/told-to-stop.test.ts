import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandInProcess } from '../../../support/command-in-process.ts';
import { temporaryFolder } from '../../../support/processes.ts';

/** A start that goes on ends with 69. */
const nobodyThere = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

/** Runs `dev` and tells it to end as soon as it listens. */
async function endedAtItsStart(...options: string[]) {
  const tell = (event: string | symbol) => {
    if (event !== 'SIGTERM') return;
    process.off('newListener', tell);
    setImmediate(() => process.emit('SIGTERM'));
  };
  process.on('newListener', tell);
  const args = ['dev', ...options, '--data', await temporaryFolder(), '--output', 'json'];
  return await commandInProcess(args, nobodyThere);
}

it('dev --no-clip that is told to end at its start is done, and one with a clip has not ordered it', async () => {
  expect(await endedAtItsStart('--no-clip')).toMatchObject({ exitCode: 0, stdout: '' });
  const { exitCode, stdout } = await endedAtItsStart();
  expect(exitCode).toBe(1);
  expect(stdout).toContain('stopped before anything was ordered');
});

it('dev keeps its data in a folder that is not there yet, also where Temporal is somebody else’s', async () => {
  const data = join(await temporaryFolder(), 'new');
  const { exitCode, stdout } = await commandInProcess(['dev', '--data', data, '--output', 'json'], nobodyThere);
  expect(stdout).toContain('TemporalUnreachable');
  expect(exitCode).toBe(69);
});

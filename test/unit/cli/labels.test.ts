import { expect, it } from 'vitest';
import { commandInProcess } from '../../support/command-in-process.ts';
import { flux } from '../../support/simulator-client.ts';

/** Nothing is asked of anybody before the command line is right: there is no server here. */
const run = (...args: string[]) => commandInProcess([...args, '--output', 'json'], {});

it('labels that cannot be any are all told at once, before anything is sent', async () => {
  const wrong = ['--label', 'nothing', '--label', 'a=1', '--label', 'a=2', '--label', 'b="', '--label', '9=x'];
  const commands = [
    ['generate', flux, '--input', '{"prompt":"x"}'],
    ['list'],
    ['costs'],
    ['pipeline', 'list'],
    ['batch', 'list'],
  ];
  for (const command of commands) {
    const { exitCode, stdout } = await run(...command, ...wrong);
    const { error } = JSON.parse(stdout) as { error: { type: string; issues: { path: string }[] } };
    expect([exitCode, error.type], command[0]).toEqual([65, 'InvalidInput']);
    expect(error.issues.map(({ path }) => path).sort()).toEqual(['label.9', 'label.a', 'label.b', 'label.nothing']);
  }
});

it('a label that is too long is told by its beginning, not cut inside of a character', async () => {
  const begin = 'x'.repeat(59);
  for (const label of [`${begin}😀x`, `${begin}😀x=y`]) {
    const { stdout } = await run('list', '--label', label);
    const { error } = JSON.parse(stdout) as { error: { message: string; issues: { path: string }[] } };
    expect(error.issues.map(({ path }) => path)).toEqual([`label.${begin}…`]);
    expect(error.message).toContain(`label.${begin}…`);
  }
});

it.each([
  [['costs', '--by', 'colour'], 'Expected model, day, or label:NAME'],
  [['costs', '--by', 'label:a=b'], 'Expected model, day, or label:NAME'],
  [['generate', flux, '--max-cost', '0x10'], 'Expected a number above 0'],
  [['list', '--since', 'yesterday'], 'Expected a time such as'],
  [['list', '--until', '2026-13-01'], 'Expected a time such as'],
  [['list', '--since', '2026-11-26T08:00'], 'Expected a time such as'],
])('%j is a wrong command line', async (args, sentence) => {
  const { exitCode, stdout } = await run(...args);
  expect(exitCode).toBe(64);
  expect(stdout).toContain(sentence);
});

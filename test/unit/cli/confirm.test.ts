import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { confirm } from '../../../cli/confirm.ts';

/** A person at a terminal, who types. */
function person(typed: string) {
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true });
  const [stdin, stderr] = [terminal(), terminal()];
  stdin.write(typed);
  return { stdin, stderr };
}

it.each([
  ['y', 'y\n', true],
  ['yes', 'YES\n', true],
  ['n', 'n\n', false],
  ['nothing', '\n', false],
  ['Ctrl-C, a key like any other while somebody is asked', '\u0003', false],
  ['Ctrl-D', '\u0004', false],
])('a person who types %s', async (_what, typed, answer) => {
  expect(await confirm(person(typed), 'order them?')).toBe(answer);
});

it('a terminal that is closed answers no', async () => {
  const { stdin, stderr } = person('');
  stdin.end();
  expect(await confirm({ stdin, stderr }, 'order them?')).toBe(false);
});

it('nobody can be asked who has typed what is ordered, to its end', async () => {
  const { stdin, stderr } = person('version: 1');
  stdin.end();
  await buffer(stdin);
  await expect(confirm({ stdin, stderr }, 'order them?')).rejects.toMatchObject({
    type: 'Usage',
    message: expect.stringContaining('--yes or --max-cost') as string,
  });
});

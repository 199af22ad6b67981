import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { klingInput } from '../support/simulator-client.ts';

const run = promisify(execFile);
const kling = 'kling/kling-3.0/standard/image-to-video';

/** Runs a line of bash in which `cli` is the command, and gives the exit code of each part of its last pipe. */
async function shell(
  line: string,
  address = '127.0.0.1:1',
): Promise<{ codes: string; stdout: string; stderr: string }> {
  const script = `${functions}${line}; echo "\${PIPESTATUS[@]}" >&2`;
  const env = { PATH: process.env['PATH'], TEMPORAL_ADDRESS: address, PROGRAM: inject('programPath') };
  const { stdout, stderr } = await run('bash', ['--norc', '-c', script], { env });
  const lines = stderr.trimEnd().split('\n');
  return { codes: lines.pop() ?? '', stdout, stderr: lines.join('\n') };
}

/** `alone` runs a command once the reader of the pipe that it writes to has gone. */
const functions = `
  cli() { "$PROGRAM" "$@"; }
  alone() { trap '' PIPE; while printf ' '; do sleep 0.05; done 2>/dev/null; "$@"; }
`;

const validate = (input: object) => `cli validate ${kling} --input '${JSON.stringify(input)}' --output json`;

describe.concurrent('the exit code, whatever becomes of the streams', () => {
  it('is 74 with a sentence on standard error where a success cannot be printed on a full disk', async () => {
    const { codes, stderr } = await shell(`${validate(klingInput)} > /dev/full`);
    expect({ codes, stderr }).toEqual({
      codes: '74',
      stderr: 'standard output took nothing more (ENOSPC), so not all was printed',
    });
  });

  it('is 74 where the reader of a pipe has gone', async () => {
    const { codes, stderr } = await shell(`alone ${validate(klingInput)} | true`);
    expect(codes).toBe('74 0');
    expect(stderr).toContain('EPIPE');
  });

  it('stays that of a key that nobody used, where the reader of a pipe has gone', async () => {
    const { codes } = await shell(
      `alone cli status "nobody's streams" --output json | true`,
      inject('temporalAddress'),
    );
    expect(codes).toBe('66 0');
  });

  it.each([
    ['', '> /dev/full'],
    ['alone ', '| true'],
  ])('stays that of a failure, which is then told on standard error: %s… %s', async (before, end) => {
    const { codes, stderr } = await shell(`${before}${validate({ prompt: 7 })} ${end}`);
    expect(codes.split(' ')[0]).toBe('65');
    expect(stderr).toContain('InvalidInput: ');
  });

  it('stays that of a wrong command line', async () => {
    const { codes, stderr } = await shell('cli nonsense --output json > /dev/full');
    expect(codes).toBe('64');
    expect(stderr).toContain("Usage: unknown command 'nonsense'");
  });

  it('is that of the work where standard error is full or closed', async () => {
    const bad = await shell(`cli status k --output pretty 2> /dev/full`);
    expect(bad.codes).toBe('69');
    const good = await shell(`${validate(klingInput)} 2>&-`);
    expect(good.codes).toBe('0');
    expect(JSON.parse(good.stdout)).toMatchObject({ valid: true });
  });

  it('is 74 for help that nobody reads, never 1', async () => {
    expect((await shell('cli --help > /dev/full')).codes).toBe('74');
  });
});

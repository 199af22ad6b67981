import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLogger, prettyLines } from '../../../setup/logger.ts';

const run = promisify(execFile);

describe('a logged error', () => {
  it('shows its message and its code', () => {
    const lines: string[] = [];
    const log = createLogger('info', { write: (line) => lines.push(line) });
    log.warn({ error: Object.assign(new Error('the disk is full'), { code: 'ENOSPC' }) }, 'not written');
    expect(JSON.parse(lines.join(''))).toMatchObject({ error: { message: 'the disk is full', code: 'ENOSPC' } });
  });

  it('shows what lies beneath it: its cause, and the errors of which it is made', () => {
    const lines: string[] = [];
    const log = createLogger('info', { write: (line) => lines.push(line) });
    const refused = [new Error('connect ECONNREFUSED ::1:9'), new Error('connect ECONNREFUSED 127.0.0.1:9')];
    const error = new Error('the id is kept', {
      cause: new Error('no answer', { cause: new AggregateError(refused) }),
    });
    log.warn({ error }, 'not handed over');
    for (const part of ['the id is kept', 'no answer', 'ECONNREFUSED ::1:9', 'ECONNREFUSED 127.0.0.1:9'])
      expect(lines.join('')).toContain(part);
  });
});

describe('a log on a terminal', () => {
  it('has one line a message, with what belongs to it and without what only machines read', () => {
    const lines: string[] = [];
    const log = createLogger('info', prettyLines({ write: (line) => lines.push(line) }));
    log.warn({ workflowId: 'scene-7', error: new Error('the disk is full') }, 'not \u001b[2Jwritten');
    const shown = lines.join('');
    for (const part of ['WARN', 'not \\u001b[2Jwritten', 'workflowId=scene-7', 'scene-7', 'the disk is full'])
      expect(shown).toContain(part);
    expect(shown).toMatch(/\d\d:\d\d:\d\d/);
    expect(shown).not.toMatch(/hostname|"pid"|^\{/);
  });
});

it('a log on a terminal shows what turns the direction of reading, and what breaks lines', () => {
  const lines: string[] = [];
  const log = createLogger('info', prettyLines({ write: (line) => lines.push(line) }));
  for (const code of [0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069]) {
    lines.length = 0;
    const character = String.fromCharCode(code);
    log.warn({ file: `a${character}b` }, `${character}gnp.exe`);
    const escaped = `\\u${code.toString(16).padStart(4, '0')}`;
    for (const part of [`${escaped}gnp.exe`, `a${escaped}b`]) expect(lines.join('')).toContain(part);
    expect(lines.join('')).not.toContain(character);
  }
});

describe('a log that cannot be written', () => {
  it('ends nothing: neither the work nor the process that logs at its end', async () => {
    const logging = fileURLToPath(new URL('./logging-process.ts', import.meta.url));
    const script = 'exec "$0" --import tsx "$1" 2> /dev/full';
    const { stdout } = await run('sh', ['-c', script, process.execPath, logging]);
    expect(stdout).toBe('still at work\n');
  });
});

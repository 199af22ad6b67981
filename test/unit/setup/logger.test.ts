import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../setup/logger.ts';

describe('a logged error', () => {
  it('shows its message and its code', () => {
    const lines: string[] = [];
    const log = createLogger('info', { write: (line) => lines.push(line) });
    log.warn({ error: Object.assign(new Error('the disk is full'), { code: 'ENOSPC' }) }, 'not written');
    expect(JSON.parse(lines.join(''))).toMatchObject({ error: { message: 'the disk is full', code: 'ENOSPC' } });
  });
});

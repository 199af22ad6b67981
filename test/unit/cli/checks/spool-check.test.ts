import { expect, it } from 'vitest';
import { collectsLost } from '../../../../cli/checks/spool-check.ts';

it('a lost request is collected under a key that every database keeps', () => {
  const command = (key: string) => `\`runcomfy-temporal generate MODEL --request-id r-1 --key ${key}\``;
  expect(collectsLost({ workflowId: 'a clip', requestId: 'r-1' })).toBe(command(`'a clip/late'`));
  expect(collectsLost({ workflowId: 'k'.repeat(251), requestId: 'r-1' })).toBe(command('r-1'));
});

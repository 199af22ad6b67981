import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../../setup/logger.ts';

/** Logs to its standard error, whatever that is, and then says on standard output that it goes on. */
const log = createLogger('info');
for (let line = 0; line < 3; line += 1) {
  log.error({ error: new Error('away') }, 'a line that nobody will read');
  await sleep(1);
}
process.stdout.write('still at work\n');
process.on('exit', () => {
  log.info('the last line');
});

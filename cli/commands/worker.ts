import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { loadWorkerPart } from '../load-worker.ts';

/** `worker`: runs generations until told to stop. */
export const addWorker = defineCommand({
  signature: 'worker',
  summary: 'Run a worker in the foreground until SIGTERM or Ctrl-C. Needs the token; logs go to standard error.',
  examples: [
    'RUNCOMFY_API_TOKEN=… runcomfy-temporal worker',
    'RUNCOMFY_API_TOKEN_FILE=/run/secrets/token RUNCOMFY_HEALTH_ADDRESS=127.0.0.1:8080 runcomfy-temporal worker',
  ],
  act: async ({ config }) => {
    const settings = config();
    // Loaded on demand, since no other command needs a worker's native library.
    const { runWorker } = await loadWorkerPart(() => import('../../worker/main.ts'));
    await runWorker(settings);
    return exitCodes.done;
  },
});

import { DBOS } from '@dbos-inc/dbos-sdk';
import { startPostgres } from './postgres.mjs';
import { serve, steps } from './serve.mjs';

const retried = { retriesAllowed: true };
const options = {
  default: { submit: {}, read: {} },
  'retries on': { submit: retried, read: retried },
  safest: { submit: {}, read: { retriesAllowed: true, maxAttempts: 12 } },
};

await serve(async () => {
  const postgres = await startPostgres();
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: postgres.url, logLevel: 'error', runAdminServer: false });
  const generate = DBOS.registerWorkflow(
    async (base, setting) => {
      const { submit, read } = options[setting];
      const id = await DBOS.runStep(() => steps.submit(base), { name: 'submit', ...submit });
      while (
        !/completed|succeeded/.test(await DBOS.runStep(() => steps.status(base, id), { name: 'status', ...read }))
      ) {
        await DBOS.sleep(1_000);
      }
      return await DBOS.runStep(() => steps.result(base, id), { name: 'result', ...read });
    },
    { name: 'generate' },
  );
  await DBOS.launch();
  return {
    run: ({ base, setting }) => generate(base, setting),
    about: { postgresql: postgres.version },
    async stop() {
      await Promise.race([DBOS.shutdown(), new Promise((resolve) => setTimeout(resolve, 3_000))]);
      await postgres.stop();
    },
  };
});

import runpodSdk from 'runpod-sdk';
import { serve, sleep } from './serve.mjs';

const request = { input: { prompt: 'a red bicycle in the rain' } };

await serve(async () => ({
  async run({ base, setting }) {
    const endpoint = runpodSdk('k', { baseUrl: `${base}/v2` }).endpoint('ep');
    // The timeout is the one setting; nothing repeats a call.
    const timeout = setting === 'safest' ? [60_000] : [];
    const { id } = await endpoint.run(request, ...timeout);
    for (;;) {
      const status = await endpoint.status(id, ...timeout);
      if (status.completed) return status.output;
      await sleep(1_000);
    }
  },
}));

import { createFalClient } from '@fal-ai/client';
import { serve } from './serve.mjs';

const endpoint = 'fal-ai/flux/dev';
const input = { prompt: 'a red bicycle in the rain' };

await serve(async () => ({
  async run({ base, setting }) {
    const fal = createFalClient({
      credentials: 'k',
      fetch: (url, options) => fetch(String(url).replace('https://queue.fal.run', `${base}/fal`), options),
      // The one documented setting about repetition.
      ...(setting === 'safest' && { retry: { maxRetries: 0 } }),
    });
    const { data } = await fal.subscribe(endpoint, { input });
    return data.images;
  },
}));

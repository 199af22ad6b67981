import Replicate from 'replicate';
import { serve } from './serve.mjs';

const model = 'black-forest-labs/flux-dev';
const input = { prompt: 'a red bicycle in the rain' };

await serve(async () => ({
  async run({ base, setting }) {
    const replicate = new Replicate({ auth: 't', baseUrl: `${base}/v1`, useFileOutput: false });
    if (setting === 'default') return await replicate.run(model, { input, wait: { mode: 'poll' } });
    // No setting stops a repeated create; this at least keeps the id in the caller's hands.
    const created = await replicate.predictions.create({ model, input });
    const { output } = await replicate.wait(created);
    return output;
  },
}));

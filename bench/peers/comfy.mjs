import { serve, sleep } from './serve.mjs';

const graph = { 1: { class_type: 'X', inputs: {} } };

await serve(async () => {
  const { Comfy } = await import('@comfyorg/sdk');
  return {
    async run({ base, setting }) {
      // Read when a client is made.
      process.env.COMFY_BASE_URL = base;
      const comfy = new Comfy({ apiKey: 'comfyui-x' });
      const workflow = comfy.workflows.fromJson(graph);
      if (setting === 'default') return (await comfy.run(workflow)).outputs;
      // As its documentation advises: a key of one's own, and the handle rebuilt from the id when the watch fails.
      const { id } = await comfy.submit(workflow, { idempotencyKey: crypto.randomUUID() });
      for (let failures = 0; ; failures += 1) {
        try {
          const job = await comfy.jobs.get(id);
          return (await job.result()).outputs;
        } catch (error) {
          if (failures === 20 || id === undefined) throw error;
          await sleep(2_000);
        }
      }
    },
  };
});

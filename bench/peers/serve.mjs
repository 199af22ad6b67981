/**
 * Runs generations for the benchmark: each message `{ id, base, setting, trouble }` is one, answered by
 * `{ id, delivered, outcome }`. `start` gives the function that runs one; when it fails, the peer is reported as not run.
 */
export async function serve(start) {
  let stop = async () => undefined;
  process.on('disconnect', () => void end());
  process.on('message', (message) => {
    if (message.stop) void end();
  });
  async function end() {
    await stop().catch(() => undefined);
    process.exit(0);
  }
  try {
    const started = await start();
    stop = started.stop ?? stop;
    process.on('message', async ({ id, base, setting, trouble }) => {
      if (id === undefined) return;
      try {
        const output = await started.run({ base, setting, trouble });
        const delivered = Array.isArray(output) && output.length > 0;
        process.send({ id, delivered, outcome: delivered ? 'delivered' : `no output: ${JSON.stringify(output)}` });
      } catch (error) {
        process.send({ id, delivered: false, outcome: `error: ${describe(error)}` });
      }
    });
    process.send({ ready: true, about: started.about ?? {} });
  } catch (error) {
    process.send({ failed: describe(error) });
  }
}

export function describe(error) {
  const cause = error?.cause?.message ?? error?.cause?.code;
  const text = `${error?.message ?? String(error)}${cause ? ` (${cause})` : ''}`;
  return text.split('\n')[0].slice(0, 160);
}

/** RunComfy's API by plain fetch, as a step of a workflow engine would call it. */
export const steps = {
  model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
  async call(url, body) {
    const response = await fetch(url, {
      headers: { authorization: 'Bearer sim-bench', 'content-type': 'application/json', connection: 'close' },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await response.json();
  },
  async submit(base, more = {}) {
    const { request_id: id } = await steps.call(`${base}/models/${steps.model}`, {
      prompt: 'a red bicycle in the rain',
      ...more,
    });
    if (!id) throw new Error('no request id in the reply');
    return id;
  },
  async status(base, id) {
    return (await steps.call(`${base}/requests/${id}/status`)).status;
  },
  async result(base, id) {
    const { output } = await steps.call(`${base}/requests/${id}/result`);
    return Object.values(output ?? {}).flat();
  },
};

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function freePort() {
  return import('node:net').then(
    ({ createServer }) =>
      new Promise((resolve) => {
        const server = createServer().listen(0, '127.0.0.1', () => {
          const { port } = server.address();
          server.close(() => resolve(port));
        });
      }),
  );
}

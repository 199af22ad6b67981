import { tokenSource } from '../config/env.ts';
import type { Config } from '../config/env.ts';
import { createRunComfyClient } from '../runcomfy/client.ts';
import type { RunComfyClient } from '../runcomfy/client.ts';

/** Talks to RunComfy itself for the time of a call; a missing token is a configuration error before anything is sent. */
export async function withRunComfy<T>(config: Config, use: (runcomfy: RunComfyClient) => Promise<T>): Promise<T> {
  const { modelApiBase, serverlessApiBase } = config;
  const token = tokenSource(config);
  await token();
  const runcomfy = createRunComfyClient({
    modelApiBase,
    ...(serverlessApiBase !== undefined && { serverlessApiBase }),
    token,
  });
  try {
    return await use(runcomfy);
  } finally {
    await runcomfy.close();
  }
}

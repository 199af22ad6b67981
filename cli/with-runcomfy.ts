import type { Config } from '../config/env.ts';
import type { RunComfyClient } from '../runcomfy/client.ts';
import { openRunComfy } from '../setup/runcomfy.ts';

/** Talks to RunComfy itself for the time of a call; a missing token is a configuration error before anything is sent. */
export async function withRunComfy<T>(config: Config, use: (runcomfy: RunComfyClient) => Promise<T>): Promise<T> {
  const runcomfy = await openRunComfy(config);
  try {
    return await use(runcomfy);
  } finally {
    await runcomfy.close();
  }
}

import type { Config } from '../config/env.ts';
import type { RunComfyClient } from '../runcomfy/client.ts';
import { openRunComfy } from '../setup/runcomfy.ts';

/**
 * Calls `use` with a RunComfy client and closes it afterwards. A missing token is a configuration error before anything
 * is sent.
 */
export async function withRunComfy<T>(config: Config, use: (runcomfy: RunComfyClient) => Promise<T>): Promise<T> {
  const runcomfy = await openRunComfy(config);
  try {
    return await use(runcomfy);
  } finally {
    await runcomfy.close();
  }
}

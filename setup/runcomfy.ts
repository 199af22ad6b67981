import { type Config, tokenSource } from '../config/env.ts';
import { createRunComfyClient, type RunComfyClient, type VerbatimReads } from '../runcomfy/client.ts';

/**
 * Creates RunComfy's client as configured. Rejects with a `ConfigError`, before anything is sent, if the token is
 * missing or unreadable.
 */
export async function openRunComfy(config: Config): Promise<RunComfyClient & VerbatimReads> {
  const { modelApiBase, serverlessApiBase, proxies } = config;
  const token = tokenSource(config);
  await token();
  return createRunComfyClient({
    modelApiBase,
    ...(serverlessApiBase !== undefined && { serverlessApiBase }),
    ...(proxies && { proxies: proxies.urls() }),
    token,
  });
}

import { type Config, tokenSource } from '../config/env.ts';
import { createRunComfyClient, type RunComfyClient, type VerbatimReads } from '../runcomfy/client.ts';

/** RunComfy's client as configured; a missing or unreadable token is a `ConfigError` before anything is sent. */
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

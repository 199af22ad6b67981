import type { Config } from '../../config/env.ts';
import type { RunningGateway } from '../../gateway/serve-gateway.ts';
import { createRunComfyClient, type RunComfyClientOptions } from '../../runcomfy/client.ts';
import { createLogger } from '../../setup/logger.ts';
import type { TemporalSettings } from '../../setup/temporal.ts';
import { createGatewayCatalogue } from '../gateway-catalogue.ts';
import { createWebhookCheck } from '../gateway-webhooks.ts';

/** What the gateway of a local stack connects. */
export interface DevGatewayOptions {
  config: Config;
  temporal: TemporalSettings;
  taskQueue: string;
  /** RunComfy, with the settings of the stack's worker. */
  runcomfy: RunComfyClientOptions;
}

/** Starts the gateway of a local stack on a free loopback port. */
export async function openDevGateway({
  config,
  temporal,
  taskQueue,
  runcomfy,
}: DevGatewayOptions): Promise<Pick<RunningGateway, 'url' | 'close'>> {
  // Loaded on demand, since no other command needs an HTTP framework.
  const { serveGateway } = await import('../../gateway/serve-gateway.ts');
  const client = createRunComfyClient({ ...runcomfy, ...(config.proxies && { proxies: config.proxies.urls() }) });
  const { modelApiBase } = runcomfy;
  const log = createLogger(config.logLevel === 'info' ? 'error' : config.logLevel);
  const running = await serveGateway({
    config: { taskQueue, modelApiBase },
    gateway: { ...config.gateway, address: { host: '127.0.0.1', port: 0 } },
    temporal,
    catalogue: createGatewayCatalogue({ modelApiBase }, client),
    checkWebhook: await createWebhookCheck(config, log),
    log,
  });
  return {
    url: running.url,
    close: async () => {
      // Its server and worker stop as well, so waiting would be of no use.
      await running.close({ isAbrupt: true });
      await client.close();
    },
  };
}

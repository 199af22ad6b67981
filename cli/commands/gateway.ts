import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/env.ts';
import { type GatewayConfig, originSentence, parseOrigin } from '../../config/gateway.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { favourMemory } from '../../setup/favour-memory.ts';
import { createLogger } from '../../setup/logger.ts';
import { openRunComfy } from '../../setup/runcomfy.ts';
import { stopAsked } from '../../setup/stop-signals.ts';
import { loadTemporalSettings } from '../../setup/temporal.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { gatewayAddresses, gatewayLines } from '../gateway-addresses.ts';
import { createGatewayCatalogue } from '../gateway-catalogue.ts';
import { createWebhookCheck } from '../gateway-webhooks.ts';
import { parsePort } from '../options/option-parsers.ts';

interface GatewayOptions {
  port?: number;
  host?: string;
  publicUrl?: string;
}

/** `gateway`: RunComfy's own API for other services, with a generation behind every order. */
export const addGateway = defineCommand<GatewayOptions>({
  signature: 'gateway',
  summary: "Serve RunComfy's own API to its clients until SIGTERM or Ctrl-C: each order becomes a generation.",
  examples: [
    'runcomfy-temporal gateway',
    'RUNCOMFY_GATEWAY_KEYS_FILE=keys.json runcomfy-temporal gateway --host 0.0.0.0 --public-url https://media.example.com',
  ],
  set: (command) =>
    command
      .option('--port <number>', 'default 8090; 0: any free port', parsePort)
      .option(
        '--host <address>',
        'default 127.0.0.1; anything but loopback needs API keys, and --public-url or RUNCOMFY_GATEWAY_ALLOWED_HOSTS',
      )
      .option('--public-url <origin>', 'the origin that clients use; default: that of each request'),
  act: async ({ printer, config: readConfig }, _args, options) => {
    const { config, gateway } = await settingsOf(readConfig, options);
    favourMemory();
    // Loaded on demand, since no other command needs an HTTP framework.
    const { serveGateway } = await import('../../gateway/serve-gateway.ts');
    const runcomfy = config.hasToken ? await openRunComfy(config) : undefined;
    try {
      const catalogue = createGatewayCatalogue(config, runcomfy);
      const temporal = await loadTemporalSettings(config);
      const log = createLogger(config.logLevel);
      const checkWebhook = await createWebhookCheck(config, log);
      const running = await serveGateway({ config, gateway, temporal, catalogue, checkWebhook, log });
      const { url, origin } = running;
      printer.printLine({ url, ...gatewayAddresses(origin) }, () =>
        [`gateway on ${url}`, ...gatewayLines(origin)].join('\n'),
      );
      await stopAsked();
      await running.close();
    } finally {
      // Nobody waits for the catalogue any more.
      await runcomfy?.close({ isAbrupt: true });
    }
    return exitCodes.done;
  },
});

/**
 * The settings; the command line overrides the environment. All problems with either are reported at once, including
 * those with access.
 */
async function settingsOf(readConfig: () => Config, { port, host, publicUrl }: GatewayOptions) {
  const problems: string[] = [];
  const noted = (error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return error;
  };
  let config: Config | undefined;
  let read: GatewayConfig | undefined;
  try {
    config = readConfig();
    read = config.gateway;
  } catch (error) {
    read = noted(error).gateway;
  }
  const origin = publicUrl === undefined ? read?.publicUrl : parseOrigin(publicUrl);
  if (publicUrl !== undefined && origin === undefined) problems.push(`--public-url: ${originSentence}.`);
  const address = { ...read?.address, ...withoutUndefined({ port, host }) };
  const gateway = read && (withoutUndefined({ ...read, address, publicUrl: origin }) as GatewayConfig);
  if (config && gateway && problems.length === 0) return { config, gateway };
  const { checkAccess } = await import('../../gateway/serve-gateway.ts');
  // Invalid token settings without keys: access is not checked, since the gateway would wrongly appear to be open to
  // everyone.
  const meansTokens = problems.some((problem) => problem.startsWith('RUNCOMFY_GATEWAY_OIDC_'));
  const hasKeys = gateway?.keys !== undefined || gateway?.keysFile !== undefined;
  if (gateway && (hasKeys || !meansTokens)) await checkAccess(gateway).catch(noted);
  throw new ConfigError(problems);
}

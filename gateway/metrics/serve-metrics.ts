import { createServer } from 'node:http';
import { collectDefaultMetrics, type Registry } from 'prom-client';
import { ConfigError } from '../../config/config-error.ts';
import type { ListenAddress } from '../../config/listen-address.ts';
import { messageOf } from '../../domain/text.ts';
import { hostInUrl } from '../http/guards.ts';

/** A server for Prometheus. */
export interface MetricsServer {
  close: () => void;
}

/** Serves `/metrics`, with the default metrics of the process; throws a `ConfigError` if the address cannot be used. */
export async function serveMetrics({ host, port }: ListenAddress, registry: Registry): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('/metrics\n');
      return;
    }
    void registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw new ConfigError([
      `RUNCOMFY_METRICS_ADDRESS: cannot listen on ${hostInUrl(host)}:${String(port)} (${messageOf(error)}); give each worker and each gateway of a machine an address of its own.`,
    ]);
  }
  // Collected only if they are served, since their observers last as long as the process.
  collectDefaultMetrics({ register: registry });
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';

/**
 * Wraps a connector so that it tells whether a socket was handed over. As long as none was, nothing can have been sent:
 * DNS failures, refusals, connect timeouts and failed TLS handshakes all end before. A second socket is never given, so
 * that one submit can never become two; and none at all where `beforeDelivery` throws.
 */
export function recordDelivery(
  connect: buildConnector.connector,
  beforeDelivery?: () => void,
): {
  connect: buildConnector.connector;
  isDelivered: () => boolean;
} {
  let isDelivered = false;
  return {
    isDelivered: () => isDelivered,
    connect(options, callback) {
      if (isDelivered) {
        callback(new Error('the connection was lost'), null);
        return;
      }
      connect(options, (...[error, socket]: [null, Socket] | [Error, null]) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        try {
          beforeDelivery?.();
        } catch (reason) {
          socket.destroy();
          callback(reason as Error, null);
          return;
        }
        isDelivered = true;
        callback(null, socket);
      });
    },
  };
}

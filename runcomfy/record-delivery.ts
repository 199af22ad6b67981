import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';

/**
 * Wraps a connector and records whether it has delivered a socket. Until it has, nothing can have been sent: DNS
 * failures, refused connections, connect timeouts and failed TLS handshakes all come earlier. It never delivers a
 * second socket, so that one submit cannot become two, and delivers none if `beforeDelivery` throws.
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

import { z } from 'zod';

/** Where an HTTP server listens. */
export interface ListenAddress {
  host: string;
  /** 0: any free port. */
  port: number;
}

/** Parses `host:port`. */
export const listenAddress = z.string().transform((text, context): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    context.addIssue({ code: 'custom', message: 'expected host:port, such as 127.0.0.1:9090' });
    return z.NEVER;
  }
  return { host, port };
});

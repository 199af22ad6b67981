import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('runcomfy-temporal/package.json') as { version: string };

/** What this product calls itself in the requests that it sends. */
export const userAgent = `runcomfy-temporal/${version}`;

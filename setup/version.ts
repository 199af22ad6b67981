import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('runcomfy-temporal/package.json') as { version: string };

/** The version of this package. */
export const productVersion = manifest.version;

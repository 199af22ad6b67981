// Runs as a process of its own, so that a hanging download can be killed. Plain JavaScript, because it runs both before
// and after the build.
import { createRequire } from 'node:module';
import { Runtime } from '@temporalio/worker';

const [downloadDir] = process.argv.slice(2);
const { version: sdkVersion } = createRequire(import.meta.url)('@temporalio/worker/package.json');
const runtime = Runtime.instance();
// The same call that `@temporalio/testing` makes; an installed package does not depend on that one.
const server = await runtime.createEphemeralServer({
  type: 'dev-server',
  exe: {
    type: 'cached-download',
    downloadDir,
    version: 'default',
    ttl: 86_400_000,
    sdkName: 'sdk-typescript',
    sdkVersion,
  },
  ip: '127.0.0.1',
  port: null,
  ui: false,
  uiPort: null,
  namespace: 'default',
  dbFilename: null,
  log: { format: 'pretty', level: 'warn' },
  extraArgs: [],
});
await runtime.shutdownEphemeralServer(server);

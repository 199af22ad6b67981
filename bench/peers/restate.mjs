import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, serve, sleep, steps } from './serve.mjs';

// The SDK needs it, and Node has it from version 22 on.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

const submitOnce = { maxRetryAttempts: 1 };

await serve(async () => {
  const restate = await import('@restatedev/restate-sdk');
  const service = restate.service({
    name: 'generation',
    handlers: {
      async generate(context, { base, setting }) {
        const options = setting === 'safest' ? submitOnce : {};
        const id = await context.run('submit', () => steps.submit(base), options);
        while (!/completed|succeeded/.test(await context.run('status', () => steps.status(base, id)))) {
          await context.sleep(1_000);
        }
        return await context.run('result', () => steps.result(base, id));
      },
    },
  });
  const [port, ingress, admin, node] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  await restate.serve({ services: [service], port });
  const server = startServer({ ingress, admin, node });
  await until(() => fetch(`http://127.0.0.1:${admin}/health`), server);
  await until(
    () =>
      post(
        `http://127.0.0.1:${admin}/deployments`,
        { uri: `http://127.0.0.1:${port}`, use_http_11: false },
        [200, 201],
      ),
    server,
  );
  return {
    async run({ base, setting }) {
      const response = await fetch(`http://127.0.0.1:${ingress}/generation/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ base, setting }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`HTTP ${response.status} ${text}`);
      return JSON.parse(text);
    },
    stop: server.stop,
  };
});

function startServer({ ingress, admin, node }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-restate-'));
  const require = createRequire(import.meta.url);
  const manifest = require.resolve(`@restatedev/restate-server-${process.platform}-${process.arch}/package.json`);
  const child = spawn(path.join(path.dirname(manifest), 'bin', 'restate-server'), [], {
    cwd: folder,
    stdio: 'ignore',
    env: {
      HOME: folder,
      PATH: process.env.PATH,
      RESTATE_BASE_DIR: folder,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
    },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    hasEnded: () => child.exitCode !== null,
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function post(url, body, wanted) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!wanted.includes(response.status)) throw new Error(`HTTP ${response.status} ${await response.text()}`);
}

async function until(attempt, server) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 150 || server.hasEnded()) throw error;
      await sleep(200);
    }
  }
}

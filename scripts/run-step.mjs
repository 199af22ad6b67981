import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Path of a program from the project's dependencies. */
export function tool(name) {
  return `${root}/node_modules/.bin/${name}`;
}

/**
 * The native compiler, which takes a third of the time. It has no API yet, so ESLint, knip and the tests use
 * `typescript`.
 */
export const compiler = `${root}/node_modules/typescript-native/bin/tsc`;

/** Each checker processes the same libraries again; two use half the processor time of the default four. */
export const compilerFlags = ['--checkers', '2'];

/** Runs a program in the project's folder. With `live`, its output is shown as it comes; otherwise it is collected. */
export function runStep(program, args, { live = false, timeoutMs = 10 * 60_000 } = {}) {
  return new Promise((resolve) => {
    const startedAt = Date.now();
    const child = spawn(program, args, { cwd: root, stdio: live ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => {
      output += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const timer = setTimeout(() => {
      collect(`ended after ${String(timeoutMs / 60_000)} minutes\n`);
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
    }, timeoutMs);
    const finish = (code) => {
      clearTimeout(timer);
      resolve({ code, output, seconds: (Date.now() - startedAt) / 1000 });
    };
    child.once('error', (error) => {
      output += `${error.message}\n`;
      finish(1);
    });
    child.once('close', (code) => {
      finish(code ?? 1);
    });
  });
}

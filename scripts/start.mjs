// In a clone, `npm start` is `runcomfy-temporal dev --once`; with `--keep`, it is `runcomfy-temporal dev`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './ensure-installed.mjs';

ensureInstalled();
const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv.slice(2);
const isKept = given.includes('--keep');
const args = [...given.filter((arg) => arg !== '--keep'), ...(isKept ? [] : ['--once'])];
const child = spawn(process.execPath, ['bin/runcomfy-temporal', 'dev', '--output', 'pretty', ...args], {
  cwd: root,
  stdio: 'inherit',
});
// A terminal sends Ctrl-C to both processes; this one waits until the child has handled it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});

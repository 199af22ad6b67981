import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

/** The machine of the measurement, without anything that identifies its owner. */
export function describeMachine(): string {
  const cpus = os.cpus();
  const gigabytes = Math.round(os.totalmem() / 2 ** 30);
  const kind = (cpus.at(0)?.model ?? 'unknown processor').trim();
  return `${String(cpus.length)} cores (${kind}), ${String(gigabytes)} GB, ${os.platform()} ${os.arch()}`;
}

/** The commit that was measured, with `+` if files differed from it. */
export function describeCommit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  try {
    return `${git('rev-parse', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
}

const peerPackages = [
  '@fal-ai/client',
  'replicate',
  '@comfyorg/sdk',
  'runpod-sdk',
  '@dbos-inc/dbos-sdk',
  '@restatedev/restate-sdk',
  '@restatedev/restate-server',
];

/** Versions of everything involved. */
export function versionsOf(more: Record<string, string> = {}): Record<string, string> {
  const require = createRequire(import.meta.url);
  const own = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const temporal = require('@temporalio/worker/package.json') as { version: string };
  return {
    node: process.versions.node,
    'runcomfy-temporal': own.version,
    '@temporalio/worker': temporal.version,
    ...Object.fromEntries(peerPackages.flatMap(versionOf)),
    ...more,
  };
}

function versionOf(name: string): [string, string][] {
  try {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return [[name, (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version]];
  } catch {
    return [];
  }
}

/** Writes `bench/results/<name>.json`. */
export function writeResults(name: string, results: object): void {
  const folder = fileURLToPath(new URL('../../results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
}

/** A table for a terminal, with columns padded to their widest cell. */
export function formatTable(head: string[], lines: string[][]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => (line.at(column) ?? '').length)),
  );
  const format = (cells: string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return [head, widths.map((width) => '-'.repeat(width)), ...lines].map(format).join('\n');
}

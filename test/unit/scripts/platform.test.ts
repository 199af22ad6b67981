import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../support/docs.ts';

/** Starts a program as if this were Windows. */
function onWindows(program: string) {
  const disguise = 'data:text/javascript,Object.defineProperty(process,"platform",{value:"win32"})';
  return spawnSync(process.execPath, ['--import', disguise, path.join(root, program)], { encoding: 'utf8', cwd: root });
}

describe('on Windows', () => {
  it.each(['scripts/start.mjs', 'scripts/test.mjs', 'scripts/build.mjs'])('%s says at once what to use', (program) => {
    const { status, stdout, stderr } = onWindows(program);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'The scripts of this clone run on Linux and macOS: on Windows use WSL.\n',
    });
  });

  it('so does the command', () => {
    const { status, stderr } = onWindows('bin/runcomfy-temporal');
    expect({ status, stderr }).toEqual({
      status: 78,
      stderr: 'runcomfy-temporal runs on Linux and macOS: on Windows use WSL.\n',
    });
  });

  it('no script is left that starts before that', () => {
    const scripts = readdirSync(path.join(root, 'scripts')).filter((name) => name.endsWith('.mjs'));
    const started = Object.values(
      (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
        .scripts,
    ).flatMap((command) => /scripts\/(\S+\.mjs)/.exec(command)?.[1] ?? []);
    expect(started.filter((name) => !scripts.includes(name))).toEqual([]);
    const guarded = (name: string): boolean =>
      /^import '\.\/(node-version|ensure-installed)\.mjs';|from '\.\/ensure-installed\.mjs'/m.test(
        readFileSync(path.join(root, 'scripts', name), 'utf8'),
      );
    expect([...new Set(started)].filter((name) => !guarded(name))).toEqual([]);
  });
});

// npm run measure:install: the disk space of each use of the package, installed into an empty project from the packed
// tarball.
import './node-version.mjs';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './run-step.mjs';

const { peerDependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const faces = [
  { name: 'client, command line, simulator', more: [] },
  {
    name: 'the same with a worker',
    more: Object.entries(peerDependencies).map(([name, version]) => `${name}@${version}`),
  },
];

const folder = mkdtempSync(join(tmpdir(), 'measure-install-'));
try {
  const packed = npm(['pack', '--silent', '--pack-destination', folder], root);
  const tarball = join(folder, packed.trim().split('\n').at(-1));
  process.stdout.write(`the tarball itself: ${megabytes(lstatSync(tarball).size)}\n`);
  for (const { name, more } of faces) {
    const project = mkdtempSync(join(folder, 'project-'));
    writeFileSync(join(project, 'package.json'), '{"private":true}');
    npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', tarball, ...more], project);
    const modules = join(project, 'node_modules');
    const packages = Object.keys(JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages).length;
    process.stdout.write(`${name}: ${megabytes(sizeOf(modules))}, ${String(packages)} packages\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function npm(args, cwd) {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args[0]} failed: ${stderr}`);
  return stdout;
}

function sizeOf(path) {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function megabytes(bytes) {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

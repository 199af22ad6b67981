import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCopy, parseDockerfile, parseDockerignore, type Stage } from '../support/dockerfile.ts';
import { root } from '../support/docs.ts';
import { linkFolder } from '../support/link-folder.ts';
import { installHangMs } from '../support/patience.ts';

const run = promisify(execFile);
const appFolder = '/app';
let folder = '';
let stages: Stage[] = [];

/** Where the file system of a stage is kept, as far as it is below /app. */
const folderOf = (stage: string) => path.join(folder, 'stages', stage === '' ? 'image' : stage);
const inStage = (stage: string, file: string) => {
  const absolute = path.posix.resolve(appFolder, file);
  return absolute === appFolder || absolute.startsWith(`${appFolder}/`)
    ? path.join(folderOf(stage), path.posix.relative(appFolder, absolute))
    : undefined;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'image-'));
  const [dockerfile, ignored] = await Promise.all(
    ['Dockerfile', '.dockerignore'].map((name) => readFile(path.join(root, name), 'utf8')),
  );
  stages = parseDockerfile(dockerfile ?? '');
  for (const name of parseDockerignore(ignored ?? '')) {
    await cp(path.join(root, name), path.join(folder, 'context', name), { recursive: true });
  }
  // As Docker does: a stage waits for those that it copies from, and for no other.
  const built = new Map<string, Promise<void>>();
  for (const stage of stages) {
    const needed = stage.instructions
      .filter(({ keyword }) => keyword === 'COPY')
      .flatMap(({ text }) => built.get(parseCopy(text).from ?? '') ?? []);
    built.set(
      stage.name,
      Promise.all(needed).then(() => build(stage)),
    );
  }
  await Promise.all(built.values());
}, installHangMs);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Does what Docker would do, in a folder of the stage's own; what lies outside of /app is left out. */
async function build({ name, instructions }: Stage): Promise<void> {
  await mkdir(folderOf(name), { recursive: true });
  for (const { keyword, text } of instructions) {
    if (keyword === 'COPY') await copy(name, text);
    if (keyword === 'RUN' && text === 'npm ci --include=dev') {
      // The tests' own dependencies are what this gives for the same lock file; the image takes none of them.
      await symlink(path.join(root, 'node_modules'), path.join(folderOf(name), 'node_modules'));
    } else if (keyword === 'RUN') {
      const env = { ...process.env, npm_config_prefer_offline: 'true' };
      await run('sh', ['-c', text], { cwd: folderOf(name), env, maxBuffer: 64 * 1024 * 1024 });
    }
  }
}

async function copy(stage: string, text: string): Promise<void> {
  const { from, sources, target } = parseCopy(text);
  const to = inStage(stage, target);
  if (to === undefined) return;
  for (const source of sources) {
    const found = from === undefined ? path.join(folder, 'context', source) : inStage(from, source);
    if (found === undefined) throw new Error(`the image takes ${source} from outside of ${appFolder}`);
    // Of a file Docker takes the name where the target is a folder; of a folder always the content.
    const isFile = (await stat(found)).isFile();
    const into = isFile && target.endsWith('/') ? path.join(to, path.basename(source)) : to;
    // What a stage was given from another it writes to no more: links take a tenth of the time for some ten thousand files.
    if (from !== undefined && !isFile) await linkFolder(found, into);
    else await cp(found, into, { recursive: true, verbatimSymlinks: true });
  }
}

describe('the image', () => {
  it('is built from what .dockerignore lets through, and its command runs', async () => {
    const command = stages.at(-1)?.instructions.find(({ keyword }) => keyword === 'ENTRYPOINT')?.text ?? '[]';
    const [program = '', ...args] = JSON.parse(command) as string[];
    const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string };
    const env = { PATH: process.env['PATH'], RUNCOMFY_API_TOKEN: 'sim-image', TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const inImage = (...more: string[]) => run(program, [...args, ...more], { cwd: folderOf(''), env });
    expect((await inImage('--version')).stdout.trim()).toBe(version);
    // The worker's native part is there: it gets as far as Temporal, which is not.
    await expect(inImage('worker', '--output', 'json')).rejects.toMatchObject({
      code: 69,
      stdout: expect.stringContaining('TemporalUnreachable') as string,
    });
  });
});

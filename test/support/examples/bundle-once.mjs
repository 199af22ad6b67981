// Use: node --import …/bundle-once.mjs PROGRAM. Of several processes that bundle the same workflows, only the first
// does; those after it use the bundle that it left in the folder EXAMPLE_BUNDLES.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import bundler from '@temporalio/worker/lib/workflow/bundler.js';

const { prototype } = bundler.WorkflowCodeBundler;
const { createBundle } = prototype;

prototype.createBundle = async function createBundleOnce() {
  const name = createHash('sha256').update(this.workflowsPath).digest('hex');
  const file = `${process.env.EXAMPLE_BUNDLES}/${name}.json`;
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const bundle = await createBundle.call(this);
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(bundle));
  renameSync(`${file}.${process.pid}`, file);
  return bundle;
};

import { deflateSync } from 'node:zlib';
import { fileIdOf } from '../world/file-ids.ts';
import type { Job } from '../world/job.ts';
import { mediaTypes } from '../world/media.ts';
import type { World } from '../world/world.ts';
import type { Call } from './call.ts';

/** The `output` object of a success. By default, one file goes under the singular key, several under the plural one. */
export function outputOf(world: World, call: Call, job: Job): Record<string, unknown> {
  const urls = outputUrls(world, call, job);
  const { output_keys: keys } = world.settings.switches;
  const isSingular = keys === 'singular' || (keys === 'auto' && urls.length === 1);
  return {
    ...(isSingular || keys === 'both' ? { [job.kind]: urls[0] } : {}),
    ...(isSingular ? {} : { [`${job.kind}s`]: urls }),
  };
}

/** Absolute URLs of a job's files. Like the real ones, they hold the account and the time, deflated. */
export function outputUrls(world: World, call: Call, job: Job): string[] {
  const { output_host: host, public_base: base } = world.settings.switches;
  const origin = host ?? `${base ?? call.origin}/files`;
  const folder = `${packed(job.owner.slice(0, 32))}/${packed(new Date(job.acceptedAt).toISOString())}`;
  return Array.from({ length: job.outputCount }, (_, index) => {
    return `${origin}/${folder}/output/${fileIdOf(job.id, index)}_output.${mediaTypes[job.kind].extension}`;
  });
}

function packed(text: string): string {
  return deflateSync(text).toString('base64url');
}

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { KlingImageToVideoInput } from '../../../../domain/model-inputs.ts';
import {
  bundledModels,
  findBundledModel,
  type InputOf,
  priceOf,
  validateInput,
} from '../../../../runcomfy/models/index.ts';
import { klingImageToVideo } from '../../../../runcomfy/models/kling-3.0-standard-image-to-video/index.ts';

/** Names every field of the typed input: the compiler sees that none is missing, the test that the schema has the same. */
const typedFields: Record<keyof KlingImageToVideoInput, true> = {
  prompt: true,
  start_image_url: true,
  multi_prompt: true,
  duration: true,
  generate_audio: true,
  elements: true,
  shot_type: true,
  negative_prompt: true,
  cfg_scale: true,
};

const root = path.resolve(import.meta.dirname, '../../../..');
const models = path.join(root, 'runcomfy/models');
const sourceOf = (file: string) =>
  readFileSync(path.join(root, file), 'utf8').replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');

describe('bundled models', () => {
  it('are their folders: each stands in the one list, with an example that its schema and rules take and a price', () => {
    const folders = readdirSync(models, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders).toHaveLength(bundledModels.length);
    for (const { name } of folders) expect(sourceOf('runcomfy/models/bundled.ts')).toContain(`'./${name}/index.ts'`);
    for (const model of bundledModels) {
      expect(validateInput(model.modelId, model.example)).toEqual({ issues: [], warnings: [] });
      expect(priceOf(model, { ...model.example })).toBeGreaterThan(0);
    }
  });

  it('are asked for by nobody: outside of their folders, the list and the types of their inputs no code names one', () => {
    const named = ['activities', 'client', 'config', 'domain', 'plans', 'runcomfy', 'setup', 'worker', 'workflows']
      .flatMap((folder) =>
        readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
      )
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => !/^runcomfy\/models\/(?:[^/]+\/|bundled\.ts$)|^domain\/model-inputs\.ts$/.test(file))
      .filter((file) => /kling/i.test(sourceOf(file)));
    expect(named).toEqual([]);
  });

  it('type the same fields that the published schema has', () => {
    expect(Object.keys(typedFields).sort()).toEqual(
      Object.keys(klingImageToVideo.inputSchema['properties'] as object).sort(),
    );
  });

  it('keep the published schema and example unchanged, oddities included', () => {
    const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
    expect(digest(klingImageToVideo.inputSchema)).toBe('004ec32a35ac7c5a');
    expect(digest(klingImageToVideo.example)).toBe('7092b5c2dc015faf');
    const properties = klingImageToVideo.inputSchema['properties'] as Record<string, { type: string }>;
    expect(properties['cfg_scale']?.type).toBe('float');
  });

  it('are found by id', () => {
    expect(findBundledModel(klingImageToVideo.modelId)).toBe(klingImageToVideo);
    expect(findBundledModel('kling/kling-3.0/pro/image-to-video')).toBeUndefined();
    expect(findBundledModel('toString')).toBeUndefined();
  });

  it('give typed input to their ids and any object to others', () => {
    expectTypeOf<InputOf<'kling/kling-3.0/standard/image-to-video'>>().toEqualTypeOf<KlingImageToVideoInput>();
    expectTypeOf<InputOf<'wan-ai/wan-3.0/image-to-video'>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<InputOf<string>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<{ prompt: string }>().not.toExtend<InputOf<typeof klingImageToVideo.modelId>>();
    expectTypeOf<{ prompt: string; start_image_url: string; duration: string }>().not.toExtend<
      InputOf<typeof klingImageToVideo.modelId>
    >();
  });
});

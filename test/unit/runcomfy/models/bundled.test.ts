import { createHash } from 'node:crypto';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  bundledModels,
  findBundledModel,
  type InputOf,
  klingImageToVideo,
  klingImageToVideoId,
  type KlingImageToVideoInput,
  klingImageToVideoPayload,
} from '../../../../runcomfy/models/index.ts';

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

describe('bundled models', () => {
  it('type the same fields that the published schema has', () => {
    expect(Object.keys(typedFields).sort()).toEqual(
      Object.keys(klingImageToVideo.inputSchema['properties'] as object).sort(),
    );
  });

  it('keep the published schema and example unchanged, oddities included', () => {
    const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
    expect(digest(klingImageToVideo.inputSchema)).toBe('004ec32a35ac7c5a');
    expect(digest(klingImageToVideoPayload)).toBe('7092b5c2dc015faf');
    const properties = klingImageToVideo.inputSchema['properties'] as Record<string, { type: string }>;
    expect(properties['cfg_scale']?.type).toBe('float');
  });

  it('are found by id', () => {
    expect(findBundledModel(klingImageToVideoId)).toBe(bundledModels[klingImageToVideoId]);
    expect(findBundledModel('kling/kling-3.0/pro/image-to-video')).toBeUndefined();
    expect(findBundledModel('toString')).toBeUndefined();
  });

  it('give typed input to their ids and any object to others', () => {
    expectTypeOf<InputOf<'kling/kling-3.0/standard/image-to-video'>>().toEqualTypeOf<KlingImageToVideoInput>();
    expectTypeOf<InputOf<'wan-ai/wan-3.0/image-to-video'>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<InputOf<string>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<{ prompt: string }>().not.toExtend<InputOf<typeof klingImageToVideoId>>();
    expectTypeOf<{ prompt: string; start_image_url: string; duration: string }>().not.toExtend<
      InputOf<typeof klingImageToVideoId>
    >();
  });
});

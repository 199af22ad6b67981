import { describe, expect, it } from 'vitest';
import { modelKind } from '../../../../runcomfy/models/index.ts';

describe('what a model makes', () => {
  it.each([
    ['kling/kling-3.0/standard/image-to-video', 'video'],
    ['kling/kling-video-o3/4K/image-to-video', 'video'],
    ['bytedance/seedance-2.5/image-to-video/480p', 'video'],
    ['lightricks/ltx-2.5/audio-to-video/fast', 'video'],
    ['runwayml/runway-aleph-2/video-to-video', 'video'],
    ['wan-ai/wan-2.7/edit-video', 'video'],
    ['google/gemini-omni-flash/video-edit', 'video'],
    ['sync/sync/lipsync/v2/pro', 'video'],
    ['blackforestlabs/flux-2/flash/text-to-image', 'image'],
    ['openai/gpt-image-2/edit', 'image'],
    ['acestep-ai/ace-step/audio-inpaint', 'audio'],
    ['acestep-ai/ace-step-1.5/text-to-audio', 'audio'],
    ['elevenlabs/elevenlabs/music-generation', 'audio'],
    ['bytedance/seedance-2.0/fast', undefined],
    ['pixverse/pixverse-v6/transition', undefined],
  ])('%s: %s', (model, kind) => {
    expect(modelKind(model)).toBe(kind);
  });

  it('follows the categories where they agree', () => {
    expect(modelKind('bytedance/seedance-2.0/fast', ['text-to-video', 'edit-video'])).toBe('video');
    expect(modelKind('a/b/text-to-image', ['image-to-video'])).toBe('video');
    expect(modelKind('a/b/text-to-image', ['image-to-video', 'text-to-audio'])).toBe('image');
  });
});

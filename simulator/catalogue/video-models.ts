import {
  bool,
  type CatalogueEntry,
  entry,
  int,
  listedInt,
  media,
  mediaList,
  number,
  type SchemaProperty,
  text,
  word,
} from './entry.ts';

const prompt = text();
const image = media('image');
const seed = int(0, 2147483647, 0);
const ratios = '16:9 9:16 1:1 4:3 3:4 21:9';
const anyRatio = word(`adaptive ${ratios}`);

/** A video model. By default, its category is the last segment of its id that names one. */
function video(
  id: string,
  price: number,
  required: string,
  properties: Record<string, SchemaProperty>,
  category = id.split('/').findLast((segment) => /-to-video$|^edit-video$/.test(segment)) ?? 'video-to-video',
): CatalogueEntry {
  return entry(id, { category, price, required, properties });
}

const seedanceClip = { prompt, image, duration: int(4, 30, 5), generate_audio: bool(true) };
const seedance2 = {
  prompt,
  images: mediaList('image', undefined, 9),
  videos: mediaList('video', undefined, 3),
  audios: mediaList('audio', undefined, 3),
  aspect_ratio: anyRatio,
  duration: int(4, 15, 5),
  seed: int(),
};
const wan27 = {
  prompt: text({ maxLength: 5000 }),
  negative_prompt: text({ maxLength: 500 }),
  duration: listedInt(2, 15, 5),
  resolution: word('720p 1080p'),
  seed,
  enable_prompt_expansion: bool(true),
  audio_url: media('audio'),
};

/**
 * The catalogue's video models except Kling's, including their schema defects. Prices are made up where none is known.
 */
export const videoModels: readonly CatalogueEntry[] = [
  video('blackforestlabs/flux-3/text-to-video', 0.1, 'prompt', {
    prompt,
    aspect_ratio: word('auto 21:9 2:1 16:9 4:3 1:1 3:4 9:16'),
    resolution: word('720p 1080p'),
    duration: word('auto 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20', 'auto'),
    generate_audio: bool(true),
    safety_tolerance: int(0, 4, 2),
  }),
  video('blackforestlabs/flux-3/keyframes-to-video', 0.1, 'prompt keyframes', {
    prompt,
    keyframes: { type: 'array', items: { type: 'object', properties: { image, time: number(0, 20) } } },
  }),
  video('bytedance/seedance-2.5/image-to-video/480p', 0.16, 'prompt image', seedanceClip),
  video('bytedance/seedance-2.5/image-to-video/720p', 0.35, 'prompt image', seedanceClip),
  video('bytedance/seedance-2.5/image-to-video/1080p', 0.57, 'prompt image', seedanceClip),
  video('bytedance/seedance-2.5/image-to-video/4k', 1.2, 'prompt image', seedanceClip),
  video('bytedance/seedance-2.5/reference-to-video/4k', 1.2, 'prompt videos', {
    prompt,
    videos: mediaList('video', 1, 3),
    images: mediaList('image', undefined, 9),
    audios: mediaList('audio', undefined, 3),
    aspect_ratio: anyRatio,
    duration: int(4, 30),
  }),
  video('bytedance/seedance-2.0/fast', 0.1, 'prompt', { ...seedance2, resolution: word('480p 720p') }, 'text-to-video'),
  video(
    'bytedance/seedance-2.0/pro',
    0.2,
    'prompt',
    { ...seedance2, resolution: word('480p 720p 1080p 4k') },
    'text-to-video',
  ),
  video('bytedance/seedance-2.0-mini/video-to-video', 0.08, 'prompt video', {
    prompt,
    video: media('video'),
    reference_images: mediaList('image'),
    reference_audios: mediaList('audio'),
    aspect_ratio: anyRatio,
    resolution: word('480p 720p'),
    duration: int(4, 15),
    enable_web_search: bool(false),
    generate_audio: bool(),
  }),
  video('bytedance/seedance-1-0/pro/fast/image-to-video', 0.05, 'text', {
    text: text(),
    image_url: text(),
    resolution: word('480p 720p 1080p'),
    ratio: word(ratios),
    duration: int(2, 12),
    seed: int(),
  }),
  video('bytedance/seedance-1-0/pro/image-to-video', 0.08, 'prompt', {
    prompt,
    first_frame_image_url: text(),
    duration: int(2, 12),
    resolution: word('480p 720p 1080p'),
    ratio: word(ratios),
  }),
  video('wan-ai/wan-2-5/image-to-video', 0.05, 'prompt img_url', {
    prompt: text({ maxLength: 2000 }),
    img_url: text(),
    duration: { type: 'integer', enum: [5, 10], default: 5 },
    resolution: word('480P 720P 1080P'),
    negative_prompt: text(),
    audio_url: text(),
  }),
  video('wan-ai/wan-2.7/text-to-video', 0.1, 'prompt', wan27),
  video('wan-ai/wan-2.7/image-to-video', 0.1, 'prompt image_url', { ...wan27, image_url: image, end_image_url: image }),
  video('wan-ai/wan-2.7/edit-video', 0.1, 'prompt video_url', {
    prompt,
    video_url: media('video'),
    reference_image_url: image,
    audio_setting: word('auto origin'),
    aspect_ratio: word(ratios),
    duration: listedInt(2, 10),
  }),
  video('wan-ai/wan-3.0/image-to-video', 0.12, 'prompt image_url', {
    prompt,
    image_url: image,
    end_image_url: image,
    aspect_ratio: anyRatio,
    resolution: word('480p 720p 1080p'),
    duration: int(2, 30, 5),
    enable_audio: bool(),
    prompt_extend: bool(),
    seed: int(),
  }),
  video('alibaba/happyhorse-1.1/reference-to-video', 0.1, 'prompt image_url_1', {
    ...Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`image_url_${String(index + 1)}`, image])),
    prompt: text({ maxLength: 5000 }),
    ratio: word('16:9 9:16 1:1'),
    resolution: word('720P 1080P'),
    duration: listedInt(3, 15),
    watermark: bool(false),
  }),
  video(
    'happyhorse/happyhorse-1.0/video-edit',
    0.1,
    'prompt video_url',
    {
      prompt,
      video_url: media('video'),
      ...Object.fromEntries(
        Array.from({ length: 5 }, (_, index) => [`reference_image_url_${String(index + 1)}`, image]),
      ),
      audio_setting: word('auto origin'),
      resolution: word('720P 1080P'),
      seed: int(),
      watermark: bool(false),
    },
    'edit-video',
  ),
  video('lightricks/ltx-2.5/audio-to-video/fast', 0.06, 'audio_url', {
    audio_url: media('audio'),
    image_url: image,
    prompt,
    guidance_scale: number(1, 50, 9),
    aspect_ratio: word('auto 16:9 9:16'),
  }),
  video('lightricks/ltx-2.5/image-to-video/fast', 0.06, 'prompt image_url', {
    prompt,
    image_url: image,
    end_image_url: image,
    duration: word('auto 6 8 10 12 14 16 18 20', '10'),
    fps: { type: 'integer', enum: [24, 25, 48, 50], default: 25 },
    camera_motion: word('static dolly_in dolly_out dolly_left dolly_right jib_up jib_down focus_shift'),
    resolution: word('720p 1080p 1440p 2160p'),
  }),
  video('minimax/minimax-h3/image-to-video', 0.1, 'image prompt duration resolution', {
    image,
    prompt,
    duration: int(4, 15, 5),
    resolution: word('768p 2k', '768p'),
    last_image: image,
  }),
  video('minimax/minimax-h3-max/reference-to-video', 0.2, 'prompt prompt_expansion_mode reference_images', {
    prompt,
    prompt_expansion_mode: word('balanced quality'),
    reference_images: mediaList('image', undefined, 12),
    reference_videos: mediaList('video'),
    reference_audios: mediaList('audio'),
    seed: int(-1, undefined, -1),
    enable_safety_checker: bool(),
    duration: int(5, 15),
  }),
  video(
    'pixverse/pixverse-v6/transition',
    0.08,
    'prompt image end_image',
    {
      prompt,
      image,
      end_image: image,
      duration: int(1, 15, 5),
      generate_audio_switch: bool(false),
      resolution: word('360p 540p 720p 1080p'),
      seed: int(),
    },
    'image-to-video',
  ),
  video('pixverse/pixverse-v6/extend', 0.08, 'prompt video', {
    prompt,
    video: media('video'),
    duration: int(1, 15, 5),
  }),
  video('runwayml/runway-aleph-2/video-to-video', 0.18, 'video_url prompt', {
    video_url: media('video'),
    prompt,
    target_aspect_ratio: word(ratios),
    seed: int(0, 4294967295),
    keyframes: { type: 'array', items: { type: 'object', properties: { image, time: number(0, 30) } } },
  }),
  video(
    'google/gemini-omni-flash/video-edit',
    0.1,
    'prompt video_url',
    { prompt, video_url: media('video') },
    'edit-video',
  ),
  video(
    'sync/sync/lipsync/v2/pro',
    0.08,
    'video_url audio_url',
    { video_url: media('video'), audio_url: media('audio') },
    'video-to-video',
  ),
  video(
    'bytedance/omnihuman/api',
    0.14,
    'image_url audio_url',
    { image_url: media('image'), audio_url: media('audio') },
    'audio-to-video',
  ),
  video('google-deepmind/veo-3-1/extend-video', 0.2, 'video_url prompt', { video_url: media('video'), prompt }),
];

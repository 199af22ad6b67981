import {
  bool,
  type CatalogueEntry,
  entry,
  float,
  int,
  listedInt,
  media,
  mediaList,
  publiclyPriced,
  type SchemaProperty,
  text,
  word,
} from './entry.ts';

const prompt = text();
const segments: SchemaProperty = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      prompt: text({ format: 'str' }),
      duration: { type: 'integer', format: 'int_slider_with_range', minimum: 3, maximum: 15, default: 5 },
    },
  },
  minItems: 0,
  maxItems: 20,
};
const elements: SchemaProperty = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      frontal_image_url: media('image'),
      reference_image_urls: mediaList('image'),
      video_url: media('video'),
    },
  },
  minItems: 0,
  maxItems: 3,
};
const imageToVideo = {
  prompt,
  multi_prompt: segments,
  start_image_url: media('image'),
  end_image_url: media('image'),
  duration: int(3, 15, 10),
  generate_audio: bool(true),
  elements,
  shot_type: word('customize', 'customize'),
  negative_prompt: text(),
  cfg_scale: float(0, 1, 0.5),
};
const textToVideo = {
  prompt,
  multi_prompt: segments,
  aspect_ratio: word('16:9 9:16 1:1'),
  duration: int(3, 15, 5),
  sound: bool(true),
  shot_type: word('customize', 'customize'),
  negative_prompt: text(),
  cfg_scale: float(0, 1, 0.5),
};
type Tier = 'standard' | 'pro' | '4k';

function imageTier(tier: Tier): CatalogueEntry {
  const facts = { category: 'image-to-video', required: 'prompt start_image_url', properties: imageToVideo };
  return publiclyPriced(`kling/kling-3.0/${tier}/image-to-video`, facts);
}

function textTier(tier: Tier): CatalogueEntry {
  const shotType = tier === 'standard' ? { shot_type: word('intelligent customize', 'intelligent') } : {};
  const facts = { category: 'text-to-video', required: 'prompt', properties: { ...textToVideo, ...shotType } };
  return publiclyPriced(`kling/kling-3.0/${tier}/text-to-video`, facts);
}

/** Kling's models that are not bundled with the product; some ids are case-sensitive. */
export const klingModels: readonly CatalogueEntry[] = [
  imageTier('pro'),
  imageTier('4k'),
  textTier('standard'),
  textTier('pro'),
  textTier('4k'),
  entry('kling/kling-video-o3/4K/image-to-video', {
    category: 'image-to-video',
    price: 0.42,
    required: 'image prompt',
    properties: {
      image: media('image'),
      prompt,
      end_image: media('image'),
      duration: listedInt(3, 15, 5),
      shot_type: word('customize intelligent'),
      sound: bool(false),
      multi_prompt: segments,
    },
  }),
  entry('kling/kling-video-o3/standard/video-to-video', {
    category: 'video-to-video',
    price: 0.126,
    required: 'prompt video',
    properties: {
      prompt,
      video: media('video'),
      images: mediaList('image'),
      keep_original_sound: bool(true),
      shot_type: word('customize'),
    },
  }),
  entry('kling/lipsync/audio-to-video', {
    category: 'audio-to-video',
    price: 0.05,
    required: 'video_url audio_url',
    properties: { video_url: media('video'), audio_url: media('audio') },
  }),
];

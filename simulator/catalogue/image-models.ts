import {
  bool,
  type CatalogueEntry,
  entry,
  float,
  int,
  media,
  mediaList,
  type SchemaProperty,
  text,
  word,
} from './entry.ts';

const prompt = text();
const sizes = 'square_hd square portrait_4_3 portrait_16_9 landscape_4_3 landscape_16_9';
const ratios = 'auto 1:1 3:2 2:3 4:3 3:4 16:9 9:16 21:9';
const gptRatios = '1:1 3:2 2:3 4:3 3:4 5:4 4:5 16:9 9:16 21:9';
const nanoRatios = 'auto 1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 9:21 1:2 2:1 1:3';
const loras: SchemaProperty = {
  type: 'array',
  items: { type: 'object', properties: { path: text(), scale: float(0, 2, 1) } },
};
const imageChecks: SchemaProperty = {
  validations: [
    {
      validation_rule: 'file_size_mb<',
      validation_value: 30,
      validation_error: 'The image must be smaller than 30 MB.',
    },
    { validation_rule: 'width/height>', validation_value: 0.0625, validation_error: 'The image is too narrow.' },
    { validation_rule: 'width/height<', validation_value: 16, validation_error: 'The image is too wide.' },
    { validation_rule: 'width_pixels>', validation_value: 14, validation_error: 'The image is too small.' },
    { validation_rule: 'height_pixels>', validation_value: 14, validation_error: 'The image is too small.' },
  ],
};
const gptImage = {
  prompt,
  aspect_ratio: word(gptRatios),
  quality: word('low medium high'),
  resolution: word('1k 2k 4k'),
  output_format: word('png jpeg webp'),
};
const nanoImage = {
  prompt,
  num_images: int(1, 4, 1),
  seed: int(),
  aspect_ratio: word(nanoRatios, 'auto'),
  resolution: word('0.5K 1K 2K 4K', '1K'),
  output_format: word('jpeg png webp'),
  safety_tolerance: int(1, 6, 4),
  limit_generations: bool(),
  enable_web_search: bool(),
};

function textToImage(id: string, price: number, properties: Record<string, SchemaProperty>): CatalogueEntry {
  return entry(id, { category: 'text-to-image', price, required: 'prompt', properties });
}

function imageToImage(
  id: string,
  price: number,
  required: string,
  properties: Record<string, SchemaProperty>,
): CatalogueEntry {
  return entry(id, { category: 'image-to-image', price, required, properties });
}

/** The catalogue's image models, including their schema defects. Prices are made up where none is known. */
export const imageModels: readonly CatalogueEntry[] = [
  textToImage('blackforestlabs/flux-2/flash/text-to-image', 0.012, {
    prompt,
    guidance_scale: float(0, 20, 2.5),
    seed: int(undefined, undefined, null),
    image_size: word(sizes, 'landscape_4_3'),
    output_format: word('jpeg png webp', 'png'),
  }),
  textToImage('blackforestlabs/flux-2-klein/4b/text-to-image', 0.01, {
    prompt,
    width: int(64, 2048, 1024),
    height: int(64, 2048, 1024),
  }),
  textToImage('blackforestlabs/flux-2-klein/9b/text-to-image', 0.015, {
    prompt,
    width: int(512, 1536, 1024),
    height: int(512, 1536, 1024),
    steps: int(1, 100, 25),
  }),
  imageToImage('blackforestlabs/flux-1-kontext/pro/edit', 0.04, 'prompt image_url', {
    prompt,
    image_url: media('image'),
    seed: int(0),
    aspect_ratio: word(ratios),
  }),
  imageToImage('blackforestlabs/flux-2/lora/edit', 0.03, 'prompt image_urls', {
    prompt,
    image_urls: mediaList('image'),
  }),
  textToImage('google/nano-banana-2-lite/text-to-image', 0.03, { prompt, aspect_ratio: word(nanoRatios, 'auto') }),
  imageToImage('google/nano-banana-2-lite/edit', 0.03, 'prompt image_urls', {
    prompt,
    image_urls: mediaList('image', 1, 10),
    aspect_ratio: word(nanoRatios, 'auto'),
  }),
  textToImage('google/nano-banana-2/text-to-image', 0.08, nanoImage),
  imageToImage('google/nano-banana-2/edit', 0.08, 'prompt image_urls', {
    ...nanoImage,
    image_urls: mediaList('image', 1, 20),
  }),
  textToImage('openai/gpt-image-2/text-to-image', 0.06, gptImage),
  imageToImage('openai/gpt-image-2/edit', 0.06, 'prompt images', { ...gptImage, images: mediaList('image', 1, 10) }),
  imageToImage('openai/gpt-image-2.5/flare/edit', 0.09, 'prompt images', {
    ...gptImage,
    aspect_ratio: word(nanoRatios),
    quality: word('low medium high max'),
    images: mediaList('image', 1, 16),
  }),
  imageToImage('bytedance/seedream-5.0-pro/image-to-image', 0.04, 'prompt image', {
    prompt,
    image: { ...mediaList('image', 1, 10), ...imageChecks },
    aspect_ratio: word(ratios, '1:1'),
    resolution: word('1K 2K', '2K'),
    output_format: word('png jpeg'),
  }),
  imageToImage('bytedance/seedream-4-5/edit', 0.04, 'prompt image_urls', {
    prompt,
    images: { ...mediaList('image', 1, 14), ...imageChecks },
  }),
  textToImage('wan-ai/wan-2.7/text-to-image', 0.03, {
    prompt: text({ maxLength: 5000 }),
    image_size: word(sizes),
    max_images: int(1, 5, 1),
    negative_prompt: text({ maxLength: 500 }),
    seed: int(0, 2147483647),
  }),
  imageToImage('qwen/qwen-image-2.1/edit', 0.03, 'prompt image_urls', {
    image_urls: mediaList('image', 1, 10),
    prompt,
    mask_url: media('image'),
    background: word('opaque transparent'),
    output_format: word('png webp jpeg'),
    resolution: word('1K 2K'),
    enhance_prompt: bool(),
    aspect_ratio: word(ratios),
    seed: int(-1, undefined, -1),
  }),
  textToImage('ideogram-ai/ideogram-v4/text-to-image', 0.06, {
    prompt,
    size: word('1:1 4:3 3:4 16:9 9:16'),
    rendering_speed: word('TURBO BALANCED QUALITY'),
    output_format: word('png jpeg webp'),
  }),
  imageToImage('qwen/qwen-edit-2509/lora/multiple-angles', 0.03, 'prompt image_urls', {
    prompt,
    image_urls: { type: 'array', format: 'image_uris' },
  }),
  imageToImage('tongyi-mai/z-image/turbo/controlnet/lora', 0.02, 'prompt image_url', {
    prompt,
    image_url: media('image'),
    loras,
  }),
  imageToImage('tongyi-mai/z-image/turbo/inpainting/lora', 0.02, 'prompt image_url mask_image_url', {
    prompt,
    image_url: media('image'),
    mask_image_url: media('image'),
  }),
];

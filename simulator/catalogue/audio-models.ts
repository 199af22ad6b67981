import { bool, type CatalogueEntry, entry, int, media, mediaList, number, text, word } from './entry.ts';

const voices = Array.from({ length: 20 }, (_, index) => `voice_${String(index + 1)}`).join(' ');

/** The catalogue's audio models; the prices are made up. */
export const audioModels: readonly CatalogueEntry[] = [
  entry('acestep-ai/ace-step/audio-inpaint', {
    category: 'audio-to-audio',
    price: 0.02,
    required: 'audio tags',
    properties: {
      audio: media('audio'),
      tags: text(),
      lyrics: text(),
      start_time: number(0, 240),
      start_time_relative_to: word('start end'),
      end_time: number(0, 240),
      end_time_relative_to: word('start end'),
      seed: int(-1, 2147483647, -1),
    },
  }),
  entry('acestep-ai/ace-step-1.5/text-to-audio', {
    category: 'text-to-audio',
    price: 0.02,
    required: 'tags',
    properties: { tags: text(), lyrics: text(), duration: int(5, 240, 60), seed: int(-1, undefined, -1) },
  }),
  entry('bytedance/seed-audio-1.0/text-to-audio', {
    category: 'text-to-audio',
    price: 0.03,
    required: 'prompt',
    properties: {
      prompt: text(),
      audio_urls: mediaList('audio', undefined, 3),
      image_url: media('image'),
      voice: word(voices),
      sample_rate: { type: 'integer', enum: [16000, 24000, 44100, 48000] },
      speed: number(0.5, 2, 1),
      volume: number(0.5, 2, 1),
      pitch: int(-12, 12, 0),
      output_format: word('wav mp3 pcm ogg_opus'),
    },
  }),
  entry('elevenlabs/elevenlabs/music-generation', {
    category: 'text-to-audio',
    price: 0.4,
    required: 'prompt',
    properties: {
      prompt: text(),
      music_length_ms: int(5000, 300000, 40000),
      force_instrumental: bool(),
      output_format: word('mp3_44100_128 mp3_44100_192 mp3_22050_32 pcm_44100 pcm_48000 opus_48000_128'),
    },
  }),
];

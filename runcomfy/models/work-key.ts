import { wellFormed } from '../../domain/text.ts';
import { maxWorkKeyLength } from '../../domain/waiting.ts';
import { findBundledModel } from './bundled.ts';

/** Fields that determine how much work an order is, for most models. */
const usualSizingFields = [
  'duration',
  'resolution',
  'image_size',
  'size',
  'width',
  'height',
  'num_images',
  'max_images',
  'steps',
  'music_length_ms',
  'generate_audio',
  'sound',
];

/**
 * The key by which durations are learned: the model and the input fields that determine how much work an order is, e.g.
 * `kling/kling-3.0/standard/image-to-video duration=10`.
 */
export function workKeyOf(model: string, input: Record<string, unknown>): string {
  const fields = findBundledModel(model)?.sizingFields ?? usualSizingFields;
  const sizes = fields.flatMap((field) => {
    const value = input[field];
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [`${field}=${String(value)}`]
      : [];
  });
  return wellFormed([model, ...sizes].join(' ').slice(0, maxWorkKeyLength));
}

import { wellFormed } from '../../domain/text.ts';
import { maxWorkKeyLength } from '../../domain/waiting.ts';
import { findBundledModel } from './bundled.ts';

/** Fields that size the work of most models. */
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
 * What durations are learned by: the model and the fields of an input that size the work, e.g.
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

import { z } from 'zod';

/** Marks a row that cannot be decoded, as the codec or the key is not available here. */
export const isUndecodable = z
  .literal(true)
  .meta({ description: 'Of a codec or a key that is not here: what it was given cannot be told.' });

/** One scene of a Kling clip. */
export interface KlingPromptSegment {
  prompt?: string;
  /** Whole seconds, 3 to 15; RunComfy's default is 5. */
  duration?: number;
}

/** A person or thing that keeps its appearance throughout a Kling clip. Every URL must be public and `https:`. */
export interface KlingElement {
  frontal_image_url?: string;
  reference_image_urls?: string[];
  video_url?: string;
}

/** Input of `kling/kling-3.0/standard/image-to-video`, exactly as RunComfy's API takes it. */
export interface KlingImageToVideoInput {
  /** Not blank. */
  prompt: string;
  /** Public `https:` URL of a jpg, jpeg, png, bmp or webp image. */
  start_image_url: string;
  /** At most 20 scenes; their durations add up to `duration`. */
  multi_prompt?: KlingPromptSegment[];
  /** Whole seconds, 3 to 15; RunComfy's default is 10. */
  duration?: number;
  /** RunComfy's default is `true`; sound costs extra. */
  generate_audio?: boolean;
  /** At most 3. */
  elements?: KlingElement[];
  shot_type?: 'customize';
  negative_prompt?: string;
  /** 0 to 1; RunComfy's default is 0.5. */
  cfg_scale?: number;
}

/** The inputs of the bundled models, by model id. */
export interface ModelInputs {
  'kling/kling-3.0/standard/image-to-video': KlingImageToVideoInput;
}

/** The input of a model: typed where the model is bundled, any JSON object otherwise. */
export type InputOf<Model extends string> = Model extends keyof ModelInputs
  ? ModelInputs[Model]
  : Record<string, unknown>;

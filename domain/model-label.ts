import { isModelId } from './request.ts';

/** Used in metrics and search attributes instead of a model that RunComfy is not known to offer. */
export const otherModel = 'other';

/**
 * The model's name in metrics and search attributes. Any text can be ordered as a model, so only models known to
 * RunComfy get a name of their own, which bounds the number of names.
 */
export function modelLabelOf(model: string, isKnown: boolean): string {
  return isKnown && isModelId(model) ? model : otherModel;
}

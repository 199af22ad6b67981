import { isModelId } from './request.ts';

/** What stands in metrics and search attributes for a model that RunComfy has not shown to know. */
export const otherModel = 'other';

/** The model as metrics and search attributes name it: anyone may order by any text, so there are as many as RunComfy knows. */
export function modelLabelOf(model: string, isKnown: boolean): string {
  return isKnown && isModelId(model) ? model : otherModel;
}

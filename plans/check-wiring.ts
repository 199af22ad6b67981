import type { InputIssue } from '../domain/generation.ts';
import { jsonPath } from '../domain/json.ts';
import { type MediaKind, mediaOfField } from '../domain/media.ts';
import type { PipelinePlan } from '../domain/pipeline/pipeline.ts';
import { findMedia } from '../runcomfy/models/media-rules.ts';
import type { SchemaNode } from '../runcomfy/models/normalize-schema.ts';
import { elementTypeOf } from './expressions/expression-types.ts';
import type { StepReference } from './expressions/expression.ts';
import { parseTemplate, soleExpression } from './expressions/template.ts';
import type { FilledPlace, HeldInput } from './hold-open.ts';

const article: Readonly<Record<MediaKind, string>> = { image: 'an image', video: 'a video', audio: 'audio' };

/**
 * Problems of expressions whose value does not fit the field they fill: a list instead of one value, the type, the kind
 * of media.
 */
export function checkWiring(
  plan: PipelinePlan,
  held: HeldInput,
  node: SchemaNode | undefined,
  path: string,
): InputIssue[] {
  const media = new Map([...findMedia(held.input, node)].map((field) => [field.path, field.kind]));
  return held.places.flatMap((place): InputIssue[] => {
    if (!place.sole) return [];
    const at = `${path}${place.path.slice(1)}`;
    const type = misfitOf(place, place.sole.expression.type);
    if (type !== undefined) return [{ path: at, message: type }];
    const wanted = media.get(place.path) ?? media.get(jsonPath(place.path, 0));
    const found = kindOf(plan, place.sole.expression.path);
    if (wanted === undefined || found === undefined || wanted === found) return [];
    return [{ path: at, message: `takes ${article[wanted]}, and ${place.sole.text} is ${article[found]}` }];
  });
}

/** Problems of expressions that ask a step for a kind of media that it does not make. */
export function checkMediaAsked(
  kinds: ReadonlyMap<string, readonly (MediaKind | undefined)[]>,
  references: readonly StepReference[],
  path: string,
): InputIssue[] {
  return references.flatMap(({ step, field }) => {
    const asked = field === undefined ? undefined : mediaOfField[field];
    const [made, ...others] = kinds.get(step) ?? [];
    if (asked === undefined || made === undefined || asked === made || others.includes(asked)) return [];
    return [{ path, message: `steps.${step} makes ${article[made]}, so it has no ${field ?? ''}` }];
  });
}

/** The kind of media that a path leads to, as far as the plan tells. */
function kindOf(plan: PipelinePlan, names: readonly string[] | undefined): MediaKind | undefined {
  const [root, id = '', field = ''] = names ?? [];
  if (root === 'params') return mediaOfField[plan.params[id]?.type ?? ''];
  if (root !== 'steps') return undefined;
  const step = plan.steps[id];
  if (step?.kind !== 'approval') return mediaOfField[field];
  if (field !== 'choice' && field !== 'choices') return undefined;
  const chosen = typeof step.choose === 'string' ? parseTemplate(step.choose) : undefined;
  const text = chosen?.ok ? soleExpression(chosen.parts) : undefined;
  // Not followed further, since approvals whose choices refer to each other could be a cycle, which is refused
  // elsewhere.
  const match = /^steps\.([A-Za-z0-9_]+)\.([a-z]+)$/.exec(text ?? '');
  return match?.[2] === undefined ? undefined : mediaOfField[match[2]];
}

/** Why a value of this type does not fit a place; undefined if it fits or if the types are not known. */
function misfitOf({ node, sole }: FilledPlace, type: string): string | undefined {
  const types = typesOf(node);
  if (types === undefined || type === 'dyn') return undefined;
  const text = sole?.text ?? '';
  const isList = elementTypeOf(type) !== undefined;
  if (types.includes('array')) return isList ? undefined : `takes a list, and ${text} is one value; wrap it in [ ]`;
  if (isList) return `takes one value, and ${text} is a list; index it, as in ${text}[0]`;
  const fitting = { string: ['string'], int: ['integer', 'number'], double: ['number'], bool: ['boolean'] }[type];
  if (fitting === undefined || fitting.some((name) => types.includes(name))) return undefined;
  return `expected ${types.join(' or ')}, and ${text} is of type ${type}`;
}

function typesOf(node: SchemaNode | undefined): string[] | undefined {
  if (node?.type === undefined || node.anyOf) return undefined;
  return Array.isArray(node.type) ? node.type : [node.type];
}

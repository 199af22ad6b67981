import { findEntry, listCategories, listEntries } from '../catalogue/catalogue.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import type { World } from '../world/world.ts';
import type { Call } from './call.ts';
import { badToken, errorReply, unknownModel } from './errors.ts';

const usualLimit = 100;
const maxLimit = 500;

/** Answers `GET /v1/models`, `/v1/models/categories` and `/v1/models/{id}`. */
export function readCatalogue(world: World, call: Call): Reply {
  const { switches } = world.settings;
  if (switches.catalog_auth === 'required' && call.owner === undefined) return badToken(switches);
  if (call.model === undefined) return listModels(world, call);
  if (call.model === 'categories') return jsonReply(200, { categories: listCategories() });
  const entry = findEntry(call.model);
  return entry === undefined ? unknownModel(switches, call.model) : jsonReply(200, entry);
}

function listModels(world: World, call: Call): Reply {
  const query = call.url.searchParams;
  const limit = wholeNumber(query.get('limit'), usualLimit);
  const offset = wholeNumber(query.get('offset'), 0);
  if (limit === undefined || limit < 1 || limit > maxLimit || offset === undefined) {
    return errorReply(world.settings.switches, 422, 422001, 'limit must be from 1 to 500 and offset at least 0.');
  }
  const found = listEntries({
    search: query.get('search') ?? undefined,
    category: query.get('category') ?? undefined,
    kind: query.get('kind') ?? undefined,
  });
  const models = found.slice(offset, offset + limit).map(({ input_schema, ...entry }) => {
    return query.get('include_schema') === 'true' ? { ...entry, input_schema } : entry;
  });
  return jsonReply(200, { models, total: found.length });
}

function wholeNumber(text: string | null, usual: number): number | undefined {
  if (text === null) return usual;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

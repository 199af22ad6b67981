import { type BundledModel, bundledModels } from '../../runcomfy/models/index.ts';
import { audioModels } from './audio-models.ts';
import { bundledEntry, type CatalogueEntry } from './entry.ts';
import { imageModels } from './image-models.ts';
import { klingModels } from './kling-models.ts';
import { videoModels } from './video-models.ts';

const entries = catalogueWith(bundledModels);
const entriesById = new Map(entries.map((entry) => [entry.model_id, entry]));

/**
 * The whole catalogue. A model that is bundled with the product is listed with its own schema, not with one from here.
 */
export function catalogueWith(bundled: readonly BundledModel[]): CatalogueEntry[] {
  const ids = new Set(bundled.map(({ modelId }) => modelId));
  const listed = [...klingModels, ...imageModels, ...videoModels, ...audioModels];
  return [...bundled.map(bundledEntry), ...listed.filter(({ model_id: id }) => !ids.has(id))];
}

/** The filters of a list read. */
export interface CatalogueQuestion {
  readonly search?: string | undefined;
  readonly category?: string | undefined;
  readonly kind?: string | undefined;
}

export function findEntry(id: string): CatalogueEntry | undefined {
  return entriesById.get(id);
}

/** Entries that match, in the catalogue's order; `search` looks at id, display name and description. */
export function listEntries({ search, category, kind }: CatalogueQuestion): CatalogueEntry[] {
  const wanted = search?.toLowerCase();
  return entries.filter(
    (entry) =>
      (category === undefined || entry.categories.includes(category)) &&
      (kind === undefined || entry.kind === kind) &&
      (wanted === undefined ||
        [entry.model_id, entry.display_name, entry.description].some((text) => text.toLowerCase().includes(wanted))),
  );
}

export function listCategories(): string[] {
  return [...new Set(entries.flatMap((entry) => entry.categories))].sort();
}

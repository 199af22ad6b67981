import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { isModelId } from '../../domain/request.ts';
import { cutText } from '../../domain/text.ts';
import { catalogueFresh, type CatalogueReading } from '../catalogue/catalogue-reads.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { answerTool, leftOut, leftOutAs, type McpContext, withAge } from './tool.ts';

const model = z.string().describe('A model id, such as kling/kling-3.0/standard/image-to-video');
const input = z.record(z.string(), z.unknown()).describe("The model's own flat JSON object; media by URL");
const catalogueAway = "RunComfy's catalogue cannot be asked now: this is what it said";
const annotations = { readOnlyHint: true, openWorldHint: true };

/** Adds the tools that read the catalogue; they are free. */
export function addModelTools(server: McpServer, context: McpContext): void {
  const { readCatalogue } = context;
  const { catalogue } = context.parts;
  server.registerTool(
    'find_models',
    {
      description: 'Finds models by words or category, with what they make and cost.',
      inputSchema: z.object({
        search: leftOut(z.string().max(200)),
        category: leftOut(z.string().max(100)),
        limit: leftOutAs(z.int().min(1).max(20), 10),
      }),
      annotations,
    },
    ({ search, category, limit }) =>
      answerTool(context, async () => {
        const query = new URLSearchParams({
          ...withoutUndefined({ search, category }),
          limit: String(limit),
        }).toString();
        const { found, ageS } = await readJson(`models?${query}`, () => catalogue.models(query));
        const models =
          isJsonObject(found) && Array.isArray(found['models']) ? found['models'].filter(isJsonObject) : [];
        return withAge({ data: { models: models.slice(0, limit).map(briefOf) } }, ageS, catalogueAway);
      }),
  );
  server.registerTool(
    'describe_model',
    {
      description: "Tells a model's input fields, which of them are required, its limits and its price.",
      inputSchema: z.object({ model }),
      annotations,
    },
    (order) =>
      answerTool(context, async () => {
        const { entry, ageS } = await entryOf(order.model);
        const schema = entry['input_schema'];
        const required = isJsonObject(schema) ? schema['required'] : undefined;
        const data = withoutUndefined({ ...briefOf(entry), required, input_schema: schema });
        return withAge({ data }, ageS, catalogueAway);
      }),
  );
  server.registerTool(
    'check_order',
    {
      description: 'Checks an input without ordering: every problem of it, and the price. Free.',
      inputSchema: z.object({ model, input }),
      annotations,
    },
    (order) =>
      answerTool(context, async () => {
        const report = isModelId(order.model) ? await catalogue.check(order.model, order.input) : 'unknown model';
        if (report === 'unknown model') throw unknownModel(order.model);
        const { issues, warnings } = report;
        const price = await catalogue.price(order.model, order.input).catch(() => ({ basis: 'unknown' }));
        return { data: { valid: issues.length === 0, issues, warnings, price } };
      }),
  );

  async function readJson(question: string, read: () => Promise<string | undefined>) {
    const reading: CatalogueReading | undefined = await readCatalogue(question, catalogueFresh, read);
    const found: unknown = reading === undefined ? undefined : JSON.parse(reading.text);
    return { found, ageS: reading?.ageS };
  }

  async function entryOf(id: string) {
    if (!isModelId(id)) throw unknownModel(id);
    const { found, ageS } = await readJson(`model ${id}`, () => catalogue.model(id));
    if (isJsonObject(found)) return { entry: found, ageS };
    throw unknownModel(id);
  }
}

function unknownModel(id: string): RefusalError {
  return new RefusalError(
    'ModelUnknown',
    `RunComfy has no model ${JSON.stringify(cutText(id, 100))}: call find_models`,
  );
}

/** The fields that an agent needs to choose a model. */
function briefOf(entry: Record<string, unknown>): Record<string, unknown> {
  const { model_id: id, display_name: name, description, categories } = entry;
  return withoutUndefined({ model: id, name, description, categories, price: priceOf(entry) });
}

function priceOf({ base_price_usd: usd, price_unit: unit, pricing_note: note }: Record<string, unknown>): object {
  return withoutUndefined({ usd, unit, note });
}

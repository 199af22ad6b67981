export { runcomfyBudget } from './budget/budget.ts';
export { runcomfyGeneration } from './generation/generation.ts';
export { runcomfyPipeline } from './pipeline/pipeline.ts';
export { runcomfyWebhook } from './webhook/webhook.ts';
export { cancelledGenerationOf, generate } from './generate.ts';
export type { GeneratedResult, GenerationOrder, GenerationPlace } from './generate.ts';
export type { CancelledGeneration } from '../domain/pipeline/pipeline-activities.ts';
export type { InputOf } from '../domain/model-inputs.ts';

export { runcomfyBatchPage } from './batch/batch-page.ts';
export { runcomfyBatch } from './batch/batch.ts';
export { runcomfyBudget } from './budget/budget.ts';
export { runcomfyGeneration } from './generation/generation.ts';
export { runcomfyPipeline } from './pipeline/pipeline.ts';
export { runcomfyWebhook } from './webhook/webhook.ts';

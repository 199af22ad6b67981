export { runcomfyGeneration } from './generation/generation.ts';

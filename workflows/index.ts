export { runcomfyGeneration } from './generation.ts';

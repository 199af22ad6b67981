// node scripts/lay-out-package.mjs FOLDER: the package as an install has it, but for the workflow bundle and declarations.
// For tests that start many processes: these start twice as fast as from the sources. Types are checked elsewhere.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { existing, shippedFolders } from './architecture.mjs';
import { root } from './run-step.mjs';

const folder = resolve(process.argv[2] ?? '');
const { config } = ts.parseConfigFileTextToJson('tsconfig.json', readFileSync(join(root, 'tsconfig.json'), 'utf8'));
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);

for (const name of ['bin', 'package.json']) cpSync(join(root, name), join(folder, name), { recursive: true });
for (const name of existing(shippedFolders)) {
  for (const entry of readdirSync(join(root, name), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) layOut(join(entry.parentPath, entry.name));
  }
}

function layOut(source) {
  const target = join(folder, 'dist', relative(root, source));
  mkdirSync(dirname(target), { recursive: true });
  if (!source.endsWith('.ts')) {
    cpSync(source, target);
    return;
  }
  // As an ES module, whatever package.json stands nearest.
  const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
    fileName: source,
    compilerOptions: { ...options, noEmit: false, module: ts.ModuleKind.ESNext },
  });
  writeFileSync(target.replace(/\.ts$/, '.js'), outputText);
}

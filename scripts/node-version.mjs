// Imported first, before any module that an old Node could not load.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Node ${process.versions.node} is too old: install Node 20.19 or newer.\n`);
  process.exit(78);
}

if (process.platform === 'win32') {
  process.stderr.write('The scripts of this clone run on Linux and macOS: on Windows use WSL.\n');
  process.exit(1);
}

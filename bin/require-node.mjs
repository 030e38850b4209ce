// Loaded before every program of this project (`node --import`). An older Node can't run TypeScript and would print a
// stack trace of its loader. This says what to do instead.
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(
    `This project needs Node.js 24 or newer; this is ${process.version} (${process.platform} ${process.arch}). ` +
      'On Linux x64 `npm ci` installs it. Elsewhere, install it from https://nodejs.org and try again.',
  );
  process.exit(2);
}
// Half of what a short command takes is reading its modules. Where the folder can't be written, nothing is cached.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node-compile', import.meta.url)));

// Loaded before every program of this project (`node --import`). Older Nodes cannot run TypeScript, and would
// answer with a loader's stack trace; this says what to do instead.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(
    `This project needs Node.js 24 or newer; this is ${process.version} (${process.platform} ${process.arch}). ` +
      'On Linux x64 `npm ci` brings it along; elsewhere install it from https://nodejs.org and try again.',
  );
  process.exit(2);
}

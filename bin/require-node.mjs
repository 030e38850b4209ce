// Loaded before every program of this project (`node --import`). An older Node can't run TypeScript and would print a
// stack trace of its loader. This says what to do instead.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  console.error(
    `This project needs Node.js 24 or newer; this is ${process.version} (${process.platform} ${process.arch}). ` +
      'On Linux x64 `npm ci` installs it. Elsewhere, install it from https://nodejs.org and try again.',
  );
  process.exit(2);
}

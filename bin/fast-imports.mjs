// These packages are 400 files, and finding them takes longer than anything else that a short command does. So they are
// bundled once for each installation. Where that can't be (nowhere to write, no esbuild), the files themselves are read.
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const PACKAGES = [
  'kysely',
  'kysely/migration',
  'zod',
  'pg',
  'pg-cursor',
  'commander',
  '@commander-js/extra-typings',
  'croner',
  'cli-table3',
  'string-width',
  'wrap-ansi',
];
const BUNDLES = Object.fromEntries(PACKAGES.map((name) => [name, `${name.replaceAll('/', '-')}.mjs`]));
/** What pg and commander need of CommonJS. pg's native client is not installed. */
const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };

const modules = new URL('../node_modules/', import.meta.url);
// npm writes this file at each installation.
const installed = statSync(new URL('.package-lock.json', modules), { throwIfNoEntry: false });
const key = createHash('sha256').update(`${installed?.mtimeMs} ${PACKAGES}`).digest('hex').slice(0, 16);
const folder = new URL(`.cache/bundled/${key}/`, modules);

async function bundle() {
  const unfinished = fileURLToPath(new URL(`../${process.pid}.unfinished`, folder));
  const { build, stop } = await import('esbuild');
  try {
    const entryPoints = Object.entries(BUNDLES).map(([name, file]) => ({ in: name, out: file.replace('.mjs', '') }));
    await build({
      ...{ entryPoints, outdir: unfinished, outExtension: { '.js': '.mjs' }, absWorkingDir: fileURLToPath(modules) },
      ...{
        bundle: true,
        splitting: true,
        format: 'esm',
        platform: 'node',
        logLevel: 'silent',
        banner,
        external: ['pg-native'],
      },
    });
    renameSync(unfinished, fileURLToPath(folder));
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
    await stop();
  }
}

if (installed && !existsSync(folder)) await bundle().catch(() => {});
if (existsSync(folder))
  registerHooks({
    resolve(name, context, next) {
      if (!Object.hasOwn(BUNDLES, name) || !context.conditions.includes('import')) return next(name, context);
      return { url: new URL(BUNDLES[name], folder).href, format: 'module', shortCircuit: true };
    },
  });

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { BUNDLING } from '../../ingestion/contract/names.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The folders of `functions/` that have a handler. */
export const HANDLERS = readdirSync(join(ROOT, 'functions')).filter((name) => name !== 'common');

const entryOf = (name: string): string => `functions/${name}/handler.ts`;

/** Bundles a handler as a deploy does. @returns what is in it, by input file. */
export const bundleHandler = (name: string, outfile: string): Promise<Metafile> => bundleModule(entryOf(name), outfile);

/** Bundles any module in that way. @param entry its path in the project. */
export const bundleModule = (entry: string, outfile: string): Promise<Metafile> =>
  bundle({ entryPoints: [entry], outfile });

/** Bundles all handlers into that folder, as `trigger.mjs` and so on: at once, so that each module is read once. */
export const bundleHandlers = (outdir: string): Promise<Metafile> => {
  const entryPoints = Object.fromEntries(HANDLERS.map((name) => [name, entryOf(name)]));
  return bundle({ entryPoints, outdir, outExtension: { '.js': '.mjs' } });
};

async function bundle(what: BuildOptions): Promise<Metafile> {
  const { banner, mainFields, ...options } = BUNDLING;
  const { metafile } = await build({
    ...what,
    bundle: true,
    format: 'esm',
    platform: 'node',
    sourcemap: true,
    logLevel: 'silent',
    metafile: true,
    absWorkingDir: ROOT,
    ...options,
    mainFields: [...mainFields],
    banner: { js: banner },
  });
  return metafile;
}

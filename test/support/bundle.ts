import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Metafile, type Plugin } from 'esbuild';
import { BUNDLING } from '../../ingestion/contract/environment.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Bundles a handler as a deploy does.
 * @param name its folder in `functions/`.
 * @param plugins change what goes into it.
 * @returns what is in it, by input file.
 */
export const bundleHandler = (name: string, outfile: string, plugins: Plugin[] = []): Promise<Metafile> =>
  bundleModule(join('functions', name, 'handler.ts'), outfile, plugins);

/** Bundles any module in that way. @param entry its path in the project. */
export async function bundleModule(entry: string, outfile: string, plugins: Plugin[] = []): Promise<Metafile> {
  const { banner, mainFields, ...options } = BUNDLING;
  const { metafile } = await build({
    entryPoints: [join(ROOT, entry)],
    outfile,
    plugins,
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

export type Bundles = {
  /** @returns the URL of a module that stands by itself: no node_modules folder is near. */
  bundle(name: string, plugins?: Plugin[]): Promise<string>;
  remove(): Promise<void>;
};

/** Bundles of handlers in a folder of their own. */
export async function makeBundles(): Promise<Bundles> {
  const folder = await mkdtemp(join(tmpdir(), 'bundles-'));
  let count = 0;
  return {
    async bundle(name, plugins) {
      count += 1;
      const outfile = join(folder, `${name}-${count}.mjs`);
      await bundleHandler(name, outfile, plugins);
      return pathToFileURL(outfile).href;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { BUNDLING } from '../../ingestion/contract/bundling.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type Bundles = {
  /**
   * Bundles a handler as a deploy does.
   * @param plugins change what goes into it.
   * @returns the URL of a module that stands by itself: no node_modules folder is near.
   */
  bundle(folder: string, plugins?: Plugin[]): Promise<string>;
  remove(): Promise<void>;
};

export async function makeBundles(): Promise<Bundles> {
  const folder = await mkdtemp(join(tmpdir(), 'bundles-'));
  let count = 0;
  return {
    async bundle(name, plugins = []) {
      count += 1;
      const outfile = join(folder, `${name}-${count}.mjs`);
      const { banner, mainFields, ...options } = BUNDLING;
      await build({
        entryPoints: [join(ROOT, 'functions', name, 'handler.ts')],
        ...{ outfile, plugins, bundle: true, format: 'esm', platform: 'node', sourcemap: true, logLevel: 'silent' },
        ...options,
        mainFields: [...mainFields],
        banner: { js: banner },
      });
      return pathToFileURL(outfile).href;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

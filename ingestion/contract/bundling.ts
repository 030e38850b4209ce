/** How esbuild bundles a handler. Deploys, tests and benchmarks all use it, so that what is tested is what is deployed. */
export const BUNDLING = {
  target: 'node24',
  /** Prefers ES modules: esbuild can leave out what is not imported from them. */
  mainFields: ['module', 'main'],
  minify: true,
  sourcesContent: false,
  /** `pg` and the AWS SDK contain CommonJS, which calls `require`. ES modules have none of their own. */
  banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
} as const;

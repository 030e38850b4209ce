/** How esbuild bundles a handler: for a deploy, and for the tests and benchmarks of what is deployed. */
export const BUNDLING = {
  target: 'node24',
  /** The ES modules of packages that have both: smaller, since what is not imported can be left out. */
  mainFields: ['module', 'main'],
  minify: true,
  sourcesContent: false,
  /** `pg` and the AWS SDK hold CommonJS, which calls `require`; an ES module has none by itself. */
  banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
} as const;

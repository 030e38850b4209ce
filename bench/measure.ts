/** What a measurement works with: databases of its own on the embedded server. */
export type Bench = {
  readonly makeDatabase: () => Promise<string>;
  /** A folder that the server's account can read. */
  readonly sharedFolder: string;
};

/** @returns rows of the table of results: what was measured, and the figure. */
export type Measure = (bench: Bench) => Promise<(readonly [what: string, figure: string])[]>;

import type { Migration } from 'kysely/migration';
import { up as tables } from './0001_tables.ts';
import { up as healing } from './0002_healing.ts';
import { up as surroundings } from './0003_surroundings.ts';
import { describe } from './comments.ts';

/**
 * All migrations, in order: a bundle has no folder to look into. One that has landed is never changed, and a new one
 * only adds (tables, columns that may be null or have a default), for the program before it must go on working.
 */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_tables': { up: tables },
  '0002_healing': { up: healing },
  '0003_surroundings': { up: withComments(surroundings) },
};

/** The newest one describes tables and columns anew, so that no landed one is edited for its words. */
function withComments(up: Migration['up']): Migration['up'] {
  return async (db) => {
    await up(db);
    await describe(db);
  };
}

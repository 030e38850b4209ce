import { type CommandContext, EXIT, type Outcome } from '../command.ts';
import { withDatabase } from '../with-database.ts';

export async function migrate(context: CommandContext): Promise<Outcome> {
  return await withDatabase(context, async (_database, { applied, isNewer }) => ({
    exitCode: EXIT.complete,
    document: { applied, isNewer },
    text: textOf(applied, isNewer),
  }));
}

function textOf(applied: readonly string[], isNewer: boolean): string {
  if (isNewer) return 'The tables belong to a newer version of this program. Nothing was done.';
  return applied.length > 0 ? `Applied: ${applied.join(', ')}.` : 'The tables are already up to date.';
}

// Renews the JSON schema by which editors know the settings files.
import { writeFileSync } from 'node:fs';
import { stageSettingsJsonSchema } from '../lib/stage-settings.ts';

writeFileSync('stages/schema.json', `${JSON.stringify(stageSettingsJsonSchema(), null, 2)}\n`);

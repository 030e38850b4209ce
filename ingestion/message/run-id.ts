import { v5 as uuidV5 } from 'uuid';

/** Fixed for ever: another namespace would give redelivered triggers a second run. */
const RUN_NAMESPACE = '3f0b4a6e-52c1-4d0e-9b58-6c1f3f2a7d94';

/** @returns the id of the trigger's run: the same trigger, however often it arrives, is the same run. */
export const runIdOf = (triggerKey: string): string => uuidV5(triggerKey, RUN_NAMESPACE);

/** For clients of the local queue. The SDK wants to sign its requests, though none leaves the machine. */
export const LOCAL_AWS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

/**
 * The emulator can't store that a message is hidden no longer (fauxqs 2.4.1: its table wants a receive count there). Its
 * own timer does without.
 */
export const MIN_HIDDEN_SECONDS = 1;

/** For clients of the local queue. The SDK wants to sign its requests, though none leaves the machine. */
export const LOCAL_AWS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

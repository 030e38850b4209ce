/** Nothing of it leaves the machine; the SDK still wants to sign what it sends. */
export const LOCAL_AWS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

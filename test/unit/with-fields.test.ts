import { expect, test } from '@jest/globals';
import { withFields } from '../../functions/common/with-fields.ts';
import { createRecordedLog } from '../support/recorded-log.ts';

test('a log made with fields adds them to each line, and the log that it was made from does not', () => {
  const log = createRecordedLog();
  const runLog = withFields(log, { runId: 'r' });
  withFields(runLog, { hop: 1 }).info('both', { day: 'd' });
  runLog.warn('one');
  log.info('none');
  expect(log.lines).toEqual([
    expect.objectContaining({ message: 'both', runId: 'r', hop: 1, day: 'd' }),
    expect.objectContaining({ message: 'one', runId: 'r' }),
    expect.not.objectContaining({ runId: 'r' }),
  ]);
});

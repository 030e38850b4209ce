import type { Day } from './day.ts';

export type FindingRule =
  | 'currency'
  | 'frozen'
  | 'outliers'
  | 'range'
  | 'revision'
  | 'worse_answer'
  | 'cross_rate'
  | 'lost';

/** Something a person should look at. Findings never change a verdict; `error` ones alarm. */
export type Finding = {
  readonly rule: FindingRule;
  readonly severity: 'warning' | 'error';
  readonly coin: string | null;
  readonly currency: string | null;
  readonly day: Day | null;
  /** One sentence with the numbers. */
  readonly detail: string;
};

import * as v from 'valibot';
import { checkFields, count, fields, flag, formOf, list, number, text, whole } from '../schema';
import {
  type Decontamination,
  type EvidencePair,
  type KindRecall,
  type SecondOpinion,
  type SweepRow,
  type TruthScore,
  VIEWS,
} from './record';
import type { DecontaminationResult } from './result-file';

/* What `decontamination.json` must hold; `record.ts` says what each field is. Fields that a later workbook adds stay. */

const percent = v.pipe(number, v.minValue(0, 'a percentage'), v.maxValue(100, 'a percentage'));

const flags = { n: count, flagged: count, percent };
const total = v.pipe(
  fields(flags),
  v.check(({ n, flagged }) => flagged <= n, 'a count whose "flagged" are among its "n"'),
);
const tasks = list(fields({ task: text, subject: v.nullable(text), ...flags }));
const cut = fields({ texts: count, truncated: count, percent });

const truth = formOf<TruthScore>()({
  precision: v.nullable(number),
  recall: v.nullable(number),
  precisionUntaught: v.nullable(number),
  flagged: count,
  truePositives: count,
  falseSameTopic: count,
  falseOther: count,
  falseTaught: count,
  kinds: list(
    formOf<KindRecall>()({ kind: text, items: count, flagged: count, rowFound: count, rate: v.nullable(number) }),
  ),
});

const pair = formOf<EvidencePair>()({
  itemId: text,
  task: text,
  subject: v.nullable(text),
  rowId: text,
  source: text,
  copies: count,
  rank: whole(1, Number.MAX_SAFE_INTEGER),
  cosine: number,
  flagged: flag,
  itemText: text,
  rowText: text,
  exact: flag,
  sharedNgram: v.nullable(text),
});

const secondOpinion = formOf<SecondOpinion>()({
  method: text,
  rule: text,
  total,
  tasks,
  flagged: list(text),
  alsoFlagged: count,
  cannotMatch: count,
  truth: v.nullable(truth),
});

const method = v.pipe(
  formOf<Decontamination>()({
    version: v.literal(1, '1'),
    method: text,
    kind: v.picklist(['embedding', 'tf-idf'], 'embedding or tf-idf'),
    isPapersMethod: flag,
    notice: v.nullable(text),
    threshold: number,
    view: v.picklist(VIEWS, `one of ${VIEWS.join(', ')}`),
    topK: count,
    floor: number,
    encoder: v.nullable(fields({ name: text, dimension: count, sha256: text })),
    truncation: v.nullable(fields({ evaluation: cut, training: cut })),
    trainingRows: count,
    trainingTexts: count,
    total,
    tasks,
    flagged: list(text),
    nearest: list(number),
    pairs: list(pair),
    sweep: list(formOf<SweepRow>()({ threshold: number, ...flags, tasks })),
    secondOpinions: list(secondOpinion),
    truth: v.nullable(list(fields({ ...truth.entries, threshold: number }))),
    assumptions: list(text),
  }),
  v.check(
    ({ total: all, flagged, nearest }) => flagged.length === all.flagged && nearest.length === all.n,
    'a result whose lists are as long as its "total" says',
  ),
);

const RESULT = fields({ identity: text, methods: list(method) });

/** @throws naming file and field, what was required and what came */
export function checkDecontamination(json: unknown, file: string): DecontaminationResult {
  checkFields(RESULT, json, `results: ${file}`, 'the file is not as a run wrote it: delete it and start the run again');
  return json as DecontaminationResult;
}

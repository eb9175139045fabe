import { readNaturalTask, readPubMedQa } from '../github-json';
import { readMedQuadArchive } from '../medquad-xml';
import { ARCHIVE, type GithubPlace, github, type SecondHome } from './entry';
import { NIV2_TASKS } from './niv2';

/** Sources that their authors publish on GitHub, of which the Hub has copies. */

/** Where PubMedQA's test ids are. */
export const PUBMEDQA_TEST_IDS: GithubPlace = github('pubmedqa/pubmedqa', '1cbae8e92f72f20c8d3747cbb3bf5bc53554d997', [
  'data/test_ground_truth.json',
]);

/** PubMedQA's labelled questions, as its authors publish them. */
export const PUBMEDQA_JSON: SecondHome = {
  places: [
    github(
      PUBMEDQA_TEST_IDS.id,
      PUBMEDQA_TEST_IDS.revision,
      ['data/ori_pqal.json'],
      ['pubid', 'question', 'context', 'long_answer', 'final_decision'],
    ),
    PUBMEDQA_TEST_IDS,
  ],
  open: readPubMedQa,
  differs: [],
};

/** MedQuAD as its authors publish it: XML in an archive. */
export const MEDQUAD_XML = {
  places: [
    github(
      'abachaa/MedQuAD',
      '577bd37b96c02d1833b2c9eed2de9f96964e96cb',
      [ARCHIVE],
      ['question_id', 'question', 'answer'],
    ),
  ],
  open: readMedQuadArchive,
  differs: ["the authors' own XML, of which the Hub has a copy"],
} as const satisfies SecondHome;

/** Of allenai/natural-instructions: a commit of the time after the paper on it, with the form of tasks that is read. */
const NIV2_REVISION = 'e0fd31052b21acea5bd95fb00253e1ee1f5d8259';

/** Natural Instructions as its authors publish it: a file a task. */
export const NIV2_TASK_FILES: SecondHome = {
  places: [
    github('allenai/natural-instructions', NIV2_REVISION, [], ['definition', 'inputs', 'targets'], {
      optional: NIV2_TASKS.map((task) => `tasks/${task}.json`),
    }),
  ],
  open: readNaturalTask,
  differs: ['the authors’ own files have all instances of a task; of several outputs the first is taken'],
};

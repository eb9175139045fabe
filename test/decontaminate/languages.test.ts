import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EvalItem, loadDataset, type TrainExample } from '../../lib/data/examples';
import { decontaminate } from '../../lib/decontaminate/decontaminate';
import { compatible } from '../../lib/decontaminate/text-form';
import { nearestByTfIdf, TF_IDF_THRESHOLD } from '../../lib/decontaminate/tf-idf';
import { wordDiff } from '../../lib/decontaminate/word-diff';
import { wordsOf } from '../../lib/decontaminate/words';

const item = (
  question: string,
  choices: readonly string[] = ['heart', 'kidney', 'liver', 'skin'],
  id = 'i',
): EvalItem => ({
  id,
  task: 't',
  question,
  choices,
  answer: 0,
});
const row = (prompt: string, id = 'r'): TrainExample => ({ id, source: 'medquad', prompt, response: 'That.' });
const asked = (question: string, choices: readonly string[] = item('').choices): string =>
  [question, ...choices.map((text, i) => `${'abcd'[i]}. ${text}`)].join('\n');
const BACKGROUND = Array.from({ length: 300 }, (_, i) =>
  row(`Background question number ${i} about rest and tea on day ${i % 7}?`, `bg${i}`),
);
const search = (items: readonly EvalItem[], rows: readonly TrainExample[]) =>
  decontaminate({ items, rows: [...BACKGROUND, ...rows], comparison: { kind: 'tf-idf' } });
const nearest = async (itemQuestion: string, prompt: string) =>
  (await search([item(itemQuestion)], [row(prompt)])).nearest[0]!;

const LONG = 'A fibrous ring of which valve makes the loud first tone that one hears in a child with Down syndrome';

describe('an item stands in the rows in other code points of the same letters', () => {
  const ACCENTS =
    'Qué órgano produce más insulina según la fisiología clásica de los mamíferos que aún están más próximos';
  it.each([
    ['decomposed', ACCENTS, ACCENTS.normalize('NFD')],
    ['composed, of a decomposed item', ACCENTS.normalize('NFD'), ACCENTS.normalize('NFC')],
    ['full width', LONG, LONG.replace(/[A-Za-z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))],
    ['a ligature', LONG, LONG.replace('fib', 'ﬁb')],
    ['zero-width spaces, joiners and a byte order mark', LONG, `\ufeff${LONG.replace(/[aeiou]/g, '$&\u200b\u200d')}`],
    ['soft hyphens', LONG, LONG.replace(/[aeiou](?=[a-z])/g, '$&\u00ad')],
    ['no-break spaces', LONG, LONG.replaceAll(' ', '\u00a0').replace('\u00a0', '\u202f')],
    ['ideographic spaces', LONG, LONG.replaceAll(' ', '\u3000')],
  ])('%s', async (_, question, other) => {
    const result = await search([item(question)], [row(asked(other))]);
    expect(result.nearest[0]).toBeCloseTo(1, 12);
    expect(result.flagged).toEqual(['i']);
    expect(result.pairs[0]).toMatchObject({ rowId: 'r', exact: true });
    expect(result.pairs[0]!.sharedNgram).not.toBeNull();
    expect(result.secondOpinions.map(({ total }) => total.flagged)).toEqual([1, 1]);
    // The evidence is shown as it was written.
    expect(result.pairs[0]!.rowText).toBe(asked(other));
  });

  it('the forms of a text count as copies of one', async () => {
    const { trainingTexts, pairs } = await search(
      [item(ACCENTS)],
      ['NFC', 'NFD'].map((form) => row(asked(ACCENTS).normalize(form), form)),
    );
    expect(trainingTexts).toBe(301);
    expect(pairs[0]).toMatchObject({ rowId: 'NFC', copies: 2 });
  });

  it('case is folded, in the one direction that loses it: ß and SS, final and other sigma', async () => {
    expect(await nearest('Große Straße ΟΔΟΣ Διάγνωση', asked('GROSSE STRASSE οδος ΔΙΆΓΝΩΣΗ'))).toBeCloseTo(1, 12);
    expect(wordsOf('İstanbul ISTANBUL')).toEqual(wordsOf('i̇stanbul istanbul'));
  });

  it.each([
    [
      'Greek capitals, which have no accents',
      'Ποια ορμόνη μειώνει το σάκχαρο στο αίμα',
      'ΠΟΙΑ ΟΡΜΟΝΗ ΜΕΙΩΝΕΙ ΤΟ ΣΑΚΧΑΡΟ ΣΤΟ ΑΙΜΑ',
    ],
    ['the same in the older accents', 'τὸ σάκχαρον ἐν αἵματι', 'το σάκχαρον εν αίματι'],
    [
      'Turkish capitals',
      'hangi hormon insanın kanındaki şekeri düşürür',
      'HANGİ HORMON İNSANIN KANINDAKİ ŞEKERİ DÜŞÜRÜR',
    ],
    ['the stress of Russian', 'какой гормон снижает сахар', 'како́й гормо́н снижа́ет са́хар'],
    ['points of Hebrew', 'איזה הורמון מוריד את הסוכר', 'אֵיזֶה הוֹרְמוֹן מוֹרִיד אֶת הַסּוּכָר'],
    ['points and stretched lines of Arabic', 'ما هو الهرمون الذي يخفض السكر', 'مَا هُوَ الهُرْمُون الَّذِي يُخَفِّض السُّـــكَّر'],
  ])('%s', (_, one, other) => {
    for (const form of ['NFC', 'NFD']) expect(wordsOf(other.normalize(form))).toEqual(wordsOf(one));
  });

  it('letters that differ by a mark stay apart', () => {
    expect(wordsOf('мой мои ёлка елка ќ к ѝ и أب اب αϋ αυ')).toEqual([
      'мой',
      'мои',
      'ёлка',
      'елка',
      'ќ',
      'к',
      'ѝ',
      'и',
      'أب',
      'اب',
      'αϋ',
      'αυ',
    ]);
  });

  it('accents and other letters stay apart', async () => {
    expect(wordsOf('été ete')).toEqual(['été', 'ete']);
    expect(compatible('10⁶ µg ½')).toBe('106 μg 1⁄2');
  });

  it('the diff of a pair shares them', () => {
    const [left, right] = wordDiff('órgano ﬁbroso', 'órgano ﬁbroso'.normalize('NFKD'));
    expect([left, right].map((side) => side.map(({ shared }) => shared))).toEqual([[true], [true]]);
  });
});

describe('scripts whose words are not parted by spaces', () => {
  it('yield pairs of characters, other scripts words', () => {
    expect(wordsOf('HbA1c検査値 high')).toEqual(['hba1c', '検査', '査値', 'high']);
    expect(wordsOf('一名\n成年')).toEqual(['一名', '名成', '成年']);
    expect(wordsOf('ﾃﾞｰﾀ 肝。')).toEqual(['デー', 'ータ', 'タ肝']);
    expect(wordsOf('肝')).toEqual(['肝']);
    expect(wordsOf('ผู้ป่วย')).toEqual(['ผู้ป่', 'ป่ว', 'วย']);
    expect(wordsOf('हिन्दी में')).toEqual(['हिन्दी', 'में']);
    expect(wordsOf('?!')).toEqual([]);
  });

  const OPTIONS = {
    zh: ['胰腺分泌的胰岛素', '甲状腺素', '皮质醇', '生长激素'],
    ja: ['インスリン', '甲状腺ホルモン', 'コルチゾール', '成長ホルモン'],
    th: ['อินซูลิน', 'ไทรอกซิน', 'คอร์ติซอล', 'โกรทฮอร์โมน'],
    ko: ['인슐린', '티록신', '코르티솔', '성장호르몬'],
  };
  it.each([
    [
      'zh',
      '一名成年男性患者出现多饮多尿体重下降最可能缺乏哪种激素',
      '一名成年男性患者近来出现多饮多尿体重下降最可能缺乏哪种激素',
      '一名成年女性患者出现心悸多汗体重下降最可能是哪种激素过多',
    ],
    [
      'ja',
      '患者は多飲と多尿を訴えている。不足しているホルモンはどれか。',
      'ある患者は多飲と多尿を訴えている。最も不足しているホルモンはどれか。',
      '患者は発熱と咳を訴えている。正しい治療薬はどれか。',
    ],
    [
      'th',
      'ผู้ป่วยชายมาด้วยอาการปัสสาวะบ่อยและน้ำหนักลด ขาดฮอร์โมนชนิดใด',
      'ผู้ป่วยชายรายหนึ่งมาด้วยอาการปัสสาวะบ่อยและน้ำหนักลด ขาดฮอร์โมนชนิดใด',
      'ผู้ป่วยหญิงปวดท้องด้านขวาล่างและมีไข้ ควรทำอย่างไร',
    ],
    [
      'ko',
      '다음 중 혈당을 낮추는 호르몬을 분비하는 기관은 무엇인가',
      '다음 중에서 혈당을 낮추는 호르몬을 분비하는 기관은 무엇인가',
      '다음 중 비타민이 부족하면 생기는 질환은 무엇인가',
    ],
  ] as const)(
    '%s: an item with a word more is found, another question is not',
    async (language, question, changed, other) => {
      const options = OPTIONS[language];
      const found = await search([item(question, options)], [row(asked(changed, options))]);
      expect(found.flagged).toEqual(['i']);
      expect(found.nearest[0]).toBeLessThan(1);
      const clean = await search([item(question, options)], [row(asked(other, ['一', '二', '三', '四']))]);
      expect(clean.flagged).toEqual([]);
      expect(clean.nearest[0]).toBeLessThan(0.5);
    },
  );

  it('white space between their characters makes no difference, nor do spaces of no width', async () => {
    const [question, options] = ['一名成年男性患者出现多饮多尿', ['肝', '肾', '心', '脾']];
    const spaced = [...question].join(' ');
    expect((await search([item(question, options)], [row(asked(spaced, options))])).nearest[0]).toBeCloseTo(1, 12);
    const thai = 'ผู้ป่วย\u200bมี\u200bอาการ\u200bไข้';
    expect(await nearest(thai.replaceAll('\u200b', ''), asked(thai))).toBeCloseTo(1, 12);
  });

  it('a question of two scripts is found', async () => {
    const question = 'HbA1cが8.5%の患者にmetforminを投与する。最も注意すべき副作用はどれか。';
    const changed = 'HbA1c が 8.5 % の患者に metformin を新たに投与する。最も注意すべき副作用はどれか。';
    expect(await nearest(question, asked(changed))).toBeGreaterThan(0.8);
  });
});

describe('copies of an item do not hide it', () => {
  const OTHER = item(
    'Which vitamin is low when the gums bleed and old scars open again',
    ['C', 'K', 'D', 'A'],
    'other',
  );
  const copies = (count: number, make: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => row(make(i), `copy${i}`));
  it.each([1, 2, 12, 100, 1000])('%d of them', async (count) => {
    for (const make of [
      () => asked(LONG),
      (i: number) => asked(`${i}. ${LONG}`),
      (i: number) => asked(`Exam ${i}, question ${i + 1}: ${LONG}`),
      (i: number) =>
        asked(
          LONG.split(' ')
            .filter((_, at) => at !== i % 10)
            .join(' '),
        ),
    ]) {
      const result = await search([item(LONG), OTHER], copies(count, make));
      expect(result.flagged).toEqual(['i']);
      expect(result.pairs[0]!.cosine).toBeGreaterThan(0.85);
      expect(result.nearest[1]).toBeLessThan(0.5);
    }
  });

  it.each([12, 100])('%d of a short one, a word left out of each', async (count) => {
    const words = 'Low serum sodium is the sign of which hormone made in excess by tumours'.split(' ');
    const rows = copies(count, (i) => words.filter((_, at) => at !== i % words.length).join(' '));
    const { rows: found, cosines } = nearestByTfIdf(
      [words.join(' '), 'gums that bleed'],
      [...BACKGROUND, ...rows].map(({ prompt }) => prompt),
      1,
    );
    expect(found[0]).toBeGreaterThanOrEqual(BACKGROUND.length);
    expect(cosines[0]).toBeGreaterThan(TF_IDF_THRESHOLD);
    expect(cosines[1]).toBeLessThan(0.1);
  });

  it('where nearly all rows are copies', async () => {
    const rows = copies(20, (i) => asked(`${i}. ${LONG}`));
    const result = await decontaminate({ items: [item(LONG), OTHER], rows, comparison: { kind: 'tf-idf' } });
    expect(result.flagged).toEqual(['i']);
  });

  it('items that are there many times', async () => {
    const items = Array.from({ length: 12 }, (_, i) => item(i % 2 ? LONG : LONG.toUpperCase(), undefined, `i${i}`));
    expect((await search(items, [row(asked(`Now: ${LONG}`))])).total.flagged).toBe(12);
  });

  it('a very short text of words that all rows have is found in a row that is the same', () => {
    const rows = BACKGROUND.map(({ prompt }) => prompt);
    const { cosines, rows: found } = nearestByTfIdf(['Rest and tea?', 'tea on', '?!'], [...rows, 'REST, and tea'], 1);
    expect(cosines[0]).toBeCloseTo(1, 12);
    expect(found[0]).toBe(300);
    expect(cosines[1]).toBeLessThan(TF_IDF_THRESHOLD);
    expect(cosines[2]).toBe(0);
  });
});

const MAKE = resolve(__dirname, '../../../shared/cases/19-decontamination-languages/make.mjs');
if (!existsSync(MAKE)) console.warn(`decontamination of case 19 skipped: ${MAKE} is not there`);
describe.skipIf(!existsSync(MAKE))('case 19', () => {
  it.each([
    ['es-nfd', 2, 1],
    ['zh-one-word-more', 1, 0.9],
  ])('%s: %d flagged', async (name, flagged, least) => {
    const folder = await mkdtemp(join(tmpdir(), 'case-19-'));
    try {
      execFileSync(process.execPath, [MAKE, folder]);
      const { evaluation, training } = await loadDataset(join(folder, name));
      const result = await decontaminate({
        items: evaluation.items,
        rows: training.examples,
        comparison: { kind: 'tf-idf' },
      });
      expect(result.total).toMatchObject({ n: flagged, flagged });
      for (const cosine of result.nearest) expect(cosine).toBeGreaterThan(least - 1e-12);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

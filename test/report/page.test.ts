import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawSvg } from '../../lib/draw/svg';
import { themed } from '../../lib/report/page/figure';
import { reportHtml } from '../../lib/report/page/html';
import { reportMarkdown } from '../../lib/report/page/markdown';
import { reportParts } from '../../lib/report/parts';
import { CHROMIUM } from './browser';
import { sampleDecontamination, sampleRecord } from './fixture';

/** Breaks out of text, attributes, <title>, <style>, <svg> and Markdown wherever it is not escaped. */
const HOSTILE =
  ' "\'></title></style></svg><script>window.hit = 1; alert(1)</script><img src=x onerror="window.hit = 1; alert(2)"> [x](javascript:alert(3)) `|';

async function page(hostile: string): Promise<string> {
  const record = sampleRecord({ hostile, seeds: [42], itemsPerTask: 12 });
  const parts = reportParts(record, { decontamination: [sampleDecontamination(record, { hostile })] });
  const drawings = new Map<string, string>();
  for (const figure of parts.figures) drawings.set(figure.key, await drawSvg(figure));
  return reportHtml(parts, drawings);
}

describe('report.html', () => {
  let folder: string;
  let html: string;
  let plain: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'page-'));
    html = await page(HOSTILE);
    plain = await page('');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('stands alone: nothing fetched, no script, and scripts forbidden besides', () => {
    expect(plain).not.toMatch(/<(script|img|link|iframe|object|embed)\b/i);
    const links = [...plain.matchAll(/\b(?:href|src)="([^"]*)"/g)].map(([, to]) => to!);
    expect(links.filter((to) => !to.startsWith('#'))).toEqual([]);
    expect(plain).not.toContain('@import');
    expect(plain.replaceAll('url(#', '')).not.toContain('url(');
    expect(plain).toContain(`default-src 'none'`);
  });

  it('links every entry of its contents to a section that is there, each id once', () => {
    const ids = [...plain.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    const entries = [...plain.matchAll(/<a href="#([^"]*)"/g)].map(([, id]) => id!);
    expect(entries.length).toBeGreaterThan(8);
    expect(entries.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('says which runs were added for equal epochs and why, and shows their comparison before the paper’s epochs', () => {
    const record = sampleRecord({ loraControlled: 0.4, seeds: [42, 43], itemsPerTask: 12 });
    const parts = reportParts(record, { decontamination: [] });
    const text = reportHtml(parts, new Map(parts.figures.map(({ key }) => [key, '<svg></svg>'])));
    expect(text).toContain(
      '<dt>Equal epochs</dt><dd>2 runs more, so that both methods have 3 epochs (LoRA at peak rate 0.003): the paper gives ' +
        'LoRA 8 epochs and full-parameter training 3, and a difference could come from either.',
    );
    expect(text).toContain('<dt>Besides</dt><dd>2 runs at the paper’s own rates</dd>');
    const [equal, papers] = ['comparisons-controlled', 'comparisons'].map((key) => text.indexOf(`id="${key}"`));
    expect(equal).toBeGreaterThan(0);
    expect(papers).toBeGreaterThan(equal!);
    expect(plain).not.toContain('Equal epochs');
  });

  it('says what it is not for, and tells the story in its order', () => {
    expect(plain.match(/Not for clinical decisions/g)!.length).toBeGreaterThanOrEqual(2);
    const titles = [...plain.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title);
    expect(titles.slice(0, 3)).toEqual(['What was asked', 'What was run', 'The answer']);
    expect(titles.at(-1)).toBe('Limits, and what was assumed');
  });

  it('leaves no colour of a figure that light and dark do not share', () => {
    const drawing = plain.slice(plain.indexOf('<svg'), plain.lastIndexOf('</svg>'));
    for (const colour of ['rgb(255, 255, 255)', 'rgb(51, 51, 51)', 'rgb(0, 114, 178)', '#D55E00', '#FFFFFF']) {
      expect(drawing).not.toContain(colour);
    }
    expect(themed('<path style="fill: rgb(51, 51, 51);"/>')).toBe('<path style="fill: var(--fig-ink);"/>');
  });

  it('escapes text from data in HTML and Markdown', () => {
    expect(html).not.toMatch(/<(script|img)\b/i);
    expect(html).toContain('&lt;script&gt;');
    const record = sampleRecord({ hostile: HOSTILE, itemsPerTask: 8, seeds: [42] });
    const markdown = reportMarkdown(reportParts(record, { decontamination: [] }));
    expect(markdown).not.toMatch(/<(script|img)\b/i);
    expect(markdown).not.toMatch(/[^\\]\]\(javascript/);
  });

  it.skipIf(!CHROMIUM)('runs nothing of a hostile row in a browser, even without its own ban on scripts', async () => {
    const file = join(folder, 'hostile.html');
    const unguarded = html.replace(/<meta http-equiv[^>]*>/, '');
    expect(unguarded).not.toBe(html);
    await writeFile(file, unguarded);
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
    try {
      const tab = await browser.newPage();
      const heard: string[] = [];
      tab.on('dialog', (dialog) => {
        heard.push(dialog.message());
        void dialog.dismiss();
      });
      tab.on('request', (request) => heard.push(request.url()));
      await tab.goto(`file://${file}`);
      expect(heard).toEqual([`file://${file}`]);
      const found = await tab.evaluate(`(() => {
        const all = [...document.querySelectorAll('*')];
        const active = all.filter((one) => /^(script|img|iframe|object|embed|foreignObject)$/i.test(one.tagName)).length;
        const handlers = all.flatMap((one) => [...one.attributes]).filter((one) => one.name.startsWith('on')).length;
        return { active, handlers, hit: window.hit ?? null, shown: document.body.innerText.includes('<script>') };
      })()`);
      expect(found).toEqual({ active: 0, handlers: 0, hit: null, shown: true });
    } finally {
      await browser.close();
    }
  });

  it.skipIf(!CHROMIUM)('fits a phone and a desk, light and dark, and prints', async () => {
    const file = join(folder, 'plain.html');
    await writeFile(file, plain);
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
    try {
      const backgrounds: string[] = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [390, 1280]) {
          const tab = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
          await tab.goto(`file://${file}`);
          const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
          expect(await tab.evaluate(overflow), `${width} wide`).toBe(0);
          backgrounds.push(await tab.evaluate<string>('getComputedStyle(document.body).backgroundColor'));
          if (width === 1280 && colorScheme === 'dark') {
            const printed = await tab.pdf({ path: join(folder, 'page.pdf'), preferCSSPageSize: true });
            expect(printed.length).toBeGreaterThan(50_000);
            expect((await readFile(join(folder, 'page.pdf'))).subarray(0, 5).toString()).toBe('%PDF-');
          }
          await tab.close();
        }
      }
      expect(new Set(backgrounds).size).toBe(2);
    } finally {
      await browser.close();
    }
  });
});

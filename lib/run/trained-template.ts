import { existsSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { DEFAULT_SYSTEM_PROMPT, TEMPLATES, type TemplateName } from '../data/template';
import { makeAside, writeFileAtomic } from '../files';
import { looseFields, readFields } from '../schema';

/** Beside the weights of a fine-tune or an adapter: what its rows were put into. PEFT and transformers pass it over. */
export const TEMPLATE_FILE = 'workbook.json';

const NOTE = looseFields({ template: v.picklist(TEMPLATES, `one of ${TEMPLATES.join(', ')}`) });

/** Notes the template that a model or an adapter was trained with. */
export const writeTrainedTemplate = (folder: string, template: TemplateName): Promise<void> =>
  writeFileAtomic(join(folder, TEMPLATE_FILE), `${JSON.stringify({ template }, null, 2)}\n`);

/** The template that the weights in `folder` were trained with; undefined where nothing says so. @throws when the note is damaged */
export async function readTrainedTemplate(folder: string): Promise<TemplateName | undefined> {
  const remedy = 'correct it, or delete it and name the template with --template';
  return (await readFields(NOTE, join(folder, TEMPLATE_FILE), 'template', remedy))?.template ?? undefined;
}

/** What a merged model was trained with is what its adapter was trained with. */
export async function copyTrainedTemplate(from: string, to: string): Promise<void> {
  // A killed merge of another adapter may have left its note.
  if (!existsSync(join(from, TEMPLATE_FILE))) return rm(join(to, TEMPLATE_FILE), { force: true });
  await makeAside(join(to, TEMPLATE_FILE), (aside) => copyFile(join(from, TEMPLATE_FILE), aside));
}

/** What a template does to rows, for the person whose rows they are. */
export function templateNote(template: TemplateName, rows: readonly { readonly system?: string }[]): string {
  switch (template) {
    case 'none':
      return 'template: none; the response follows the prompt at once';
    case 'model':
      return 'template: model; the model’s own chat template';
    case 'med42': {
      const without = rows.filter(({ system }) => system === undefined).length;
      const prompt =
        rows.length === 0
          ? `; the system prompt of rows that bring none is "${DEFAULT_SYSTEM_PROMPT}"`
          : without > 0
            ? `; the system prompt of ${without} of ${rows.length} rows is "${DEFAULT_SYSTEM_PROMPT}" (a field "system" gives another)`
            : '; each row brings its system prompt';
      return `template: med42${prompt}; --template model or none takes another`;
    }
  }
}

import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { SaxesParser } from 'saxes';
import { requireFile } from '../../json-file';
import type { RawRow } from '../reading/records';

/**
 * The pairs of MedQuAD as its authors publish them: one XML document a topic, in an archive of the repository.
 *
 *     <Document id="1" source="CancerGov"><QAPairs>
 *       <QAPair pid="1"><Question qid="1-1" qtype="information">...</Question><Answer>...</Answer></QAPair>
 *
 * @param name how errors call the archive
 * @throws naming the document that is no XML, or that the archive is damaged
 */
export async function* readMedQuadArchive(path: string, name: string): AsyncGenerator<RawRow> {
  for await (const { member, content } of readTarGz(path, name)) {
    // Inside the folder that GitHub puts around a repository: '1_CancerGov_QA/0000001_1.xml'.
    const inside = member.replace(/^[^/]*\//, '');
    if (!/_QA\/[^/]+\.xml$/.test(inside)) continue;
    const pairs = pairsOf(content.toString('utf8'), `${name}: ${inside}`, path);
    for (const [i, pair] of pairs.entries()) {
      const fields = { ...pair, question_id: `${inside.replace(/\.xml$/, '').replace('/', '-')}-${pair.pid}` };
      yield { fields, place: { file: `${name}: ${inside}`, at: `pair ${i + 1}` }, untyped: false };
    }
  }
}

interface Pair {
  pid: string;
  question: string;
  answer: string | null;
  question_type: string;
}

function pairsOf(text: string, file: string, path: string): Pair[] {
  const pairs: Pair[] = [];
  const parser = new SaxesParser();
  let open: Pair | undefined;
  let gathered = '';
  const failed = (error: Error): never => {
    throw new Error(`fetch: ${file} is not well-formed XML (${error.message}); delete ${path} and fetch it again`, {
      cause: error,
    });
  };
  parser.on('error', failed);
  parser.on('text', (piece) => {
    gathered += piece;
  });
  parser.on('cdata', (piece) => {
    gathered += piece;
  });
  parser.on('opentag', ({ name, attributes }) => {
    gathered = '';
    if (name === 'QAPair')
      open = { pid: String(attributes.pid ?? pairs.length + 1), question: '', answer: null, question_type: '' };
    if (name === 'Question' && open) open.question_type = String(attributes.qtype ?? '');
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'Question' && open) open.question = gathered.trim();
    if (name === 'Answer' && open) open.answer = gathered.trim() || null;
    if (name === 'QAPair' && open) {
      pairs.push(open);
      open = undefined;
    }
  });
  parser.write(text).close();
  return pairs;
}

const BLOCK = 512;

/** The files of a .tar.gz, one after another; each is small. */
async function* readTarGz(
  path: string,
  name: string,
): AsyncGenerator<{ readonly member: string; readonly content: Buffer }> {
  await requireFile(path, 'fetch');
  // An error of the file becomes one of what is unpacked.
  const unpacked = pipeline(createReadStream(path), createGunzip(), () => {});
  const pieces = unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let have: Buffer = Buffer.alloc(0);
  const take = async (count: number): Promise<Buffer> => {
    const gathered = [have];
    for (let length = have.length; length < count; ) {
      const { value, done } = await pieces.next();
      if (done) throw new Error('unexpected end of file');
      gathered.push(value);
      length += value.length;
    }
    const all = Buffer.concat(gathered);
    have = all.subarray(count);
    return all.subarray(0, count);
  };
  const text = (header: Buffer, from: number, length: number) =>
    header
      .subarray(from, from + length)
      .toString('latin1')
      .replace(/\0.*$/s, '');
  try {
    for (;;) {
      const header = await take(BLOCK);
      if (header.every((byte) => byte === 0)) {
        // What remains is padding; gzip's own checksum stands behind it.
        while (!(await pieces.next()).done);
        return;
      }
      const size = Number.parseInt(text(header, 124, 12), 8);
      if (!Number.isSafeInteger(size)) throw new Error('no tar header where one must be');
      const content = (await take(Math.ceil(size / BLOCK) * BLOCK)).subarray(0, size);
      const prefix = text(header, 345, 155);
      const member = `${prefix === '' ? '' : `${prefix}/`}${text(header, 0, 100)}`;
      // '0' and NUL are files; the others are folders, links, and what pax says of the next one.
      if (header[156] === 0x30 || header[156] === 0) yield { member, content };
    }
  } catch (error) {
    if ((error as Error).message.startsWith('fetch:')) throw error;
    throw new Error(
      `fetch: ${name} cannot be read (${(error as Error).message}): it is damaged or cut short; delete ${path} and fetch it ` +
        'again',
      { cause: error },
    );
  } finally {
    unpacked.destroy();
  }
}

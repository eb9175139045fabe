import type { SubsetKey } from '../../../paper/table-a1';
import type { Fields } from '../../forms/fields';
import type { RawRow } from '../../reading/records';
import type { EvalItem, TrainExample } from '../../rows';

/** Files of a data set on the Hub. */
export interface HubPlace {
  readonly at: 'hub';
  /** 'org/name' */
  readonly id: string;
  /** The commit that was looked at; undefined takes what `main` is. */
  readonly revision?: string;
  /** Paths inside the repository; a `*` stands for anything but a slash. */
  readonly files: readonly string[];
  /** Files that this place may lack; the others must be there. */
  readonly optional?: readonly string[];
  /** What a row must have, under these names. */
  readonly columns: readonly string[];
}

/** Files of a GitHub repository, at one commit: their content cannot change. */
export interface GithubPlace {
  readonly at: 'github';
  readonly id: string;
  readonly revision: string;
  /** One that is ARCHIVE alone is the whole repository, packed. */
  readonly files: readonly string[];
  /** Files that this place may lack; the others must be there. */
  readonly optional?: readonly string[];
  readonly columns: readonly string[];
}

/** GitHub's name for a repository as one file. */
export const ARCHIVE = 'archive.tar.gz';

export type Place = HubPlace | GithubPlace;

/** A row that is no example of this source, on purpose, and why: it is counted under the reason. */
export interface LeftOut {
  readonly leftOut: string;
}

/** What a raw row is read with. */
export interface ReadContext {
  /** The file that the row is of, inside its repository. */
  readonly file: string;
  /** From 0, within the file. */
  readonly index: number;
  /** What `beside` made of the file beside the rows; empty where there is none. */
  readonly beside: ReadonlySet<string>;
}

/** Without what every row of a source has in common. */
export type Training = Omit<TrainExample, 'id' | 'source'> & { readonly id?: string };
export type Item = Omit<EvalItem, 'id' | 'task'> & { readonly id?: string };

/** Where else a source's rows are published: other files, with the same columns once they are opened. */
export interface SecondHome {
  readonly places: readonly Place[];
  /** Opens a file of rows that is none of the known formats. */
  readonly open?: (path: string, name: string) => AsyncGenerator<RawRow>;
  /** In what these rows differ from those of the first home. */
  readonly differs: readonly string[];
}

interface Common {
  /** As `med42 fetch` takes it, and as its file of rows is called. */
  readonly name: string;
  /** As the paper prints it. */
  readonly title: string;
  /** The paper's count. Source: tables A1 and A2. */
  readonly samples: number;
  /** Rows of the published files, where they were counted. */
  readonly published: number | null;
  readonly places: readonly Place[];
  /** Of all its files, about, where their sizes were seen. */
  readonly bytes?: number;
  readonly licence: string;
  /** Of every question, where the source has one number of them: a row with others is skipped. */
  readonly choices?: number;
  /** A file that holds no rows but says something of them. */
  readonly beside?: { readonly file: string; readonly load: (content: unknown) => ReadonlySet<string> };
  /** Opens a file of rows that is none of the known formats. */
  readonly open?: SecondHome['open'];
  /** Taken where `places` cannot be had. */
  readonly elsewhere?: SecondHome;
  /** In what the rows are known to differ from the paper's. */
  readonly differs: readonly string[];
  /** What nobody has looked at: the first real fetch checks it. */
  readonly unsure: readonly string[];
  /** The source whose rows these also are: fetched only where it is named. */
  readonly alternativeTo?: string;
  /** Nobody publishes it: why, and what may stand in its place. */
  readonly unavailable?: { readonly why: string; readonly standIn: string };
}

/** A row of table A1. */
export interface TrainingSource extends Common {
  readonly half: 'train';
  readonly subset: SubsetKey;
  /** @throws RowError for a row that is not as it should be; it is skipped and counted */
  readonly read: (row: Fields, context: ReadContext) => readonly Training[] | LeftOut;
}

/** A row of table A2. */
export interface BenchmarkSource extends Common {
  readonly half: 'eval';
  readonly task: string;
  readonly read: (row: Fields, context: ReadContext) => readonly Item[] | LeftOut;
}

export type Source = TrainingSource | BenchmarkSource;

export const hub = (
  id: string,
  files: readonly string[],
  columns: readonly string[],
  rest: Pick<HubPlace, 'revision' | 'optional'> = {},
): HubPlace => ({ at: 'hub', id, files, columns, ...rest });

export const github = (
  id: string,
  revision: string,
  files: readonly string[],
  columns: readonly string[] = [],
  rest: Pick<GithubPlace, 'optional'> = {},
): GithubPlace => ({ at: 'github', id, revision, files, columns, ...rest });

/** Whether the file at a path holds rows: one that stands beside them does not. */
export const holdsRows = ({ beside }: Source, path: string): boolean => path !== beside?.file;

/** The repositories of some places, as people know them. */
export const homesOf = (places: readonly Place[]): string =>
  [...new Set(places.map(({ at, id }) => (at === 'hub' ? id : `github.com/${id}`)))].join(', ');

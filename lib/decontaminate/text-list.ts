/** Texts in an order; an array is one. Reading one after the other is cheap, also where they lie in a file. */
export interface TextList extends Iterable<string> {
  readonly length: number;
  at(index: number): string | undefined;
}

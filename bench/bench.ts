/**
 * One door to the benches: npm run bench -- NAME [its own arguments]. Each bench is a file that runs when it is loaded,
 * and reads what stands after its name.
 */
const BENCHES: Readonly<Record<string, () => unknown>> = {
  adapter: () => require('./adapter'),
  'full-size': () => require('./full-size'),
  generate: () => require('./generate'),
  places: () => require('./response-places'),
  profile: () => require('./profile'),
  precision: () => require('./precision'),
  scoring: () => require('./scoring'),
  shards: () => require('./shards'),
  similarity: () => require('./similarity'),
};
/** The training step's own first argument: which method. */
const METHODS = ['full', 'lora'];

const name = process.argv[2] ?? METHODS[0]!;
if (METHODS.includes(name)) {
  require('./run');
} else if (Object.hasOwn(BENCHES, name)) {
  process.argv.splice(2, 1);
  BENCHES[name]!();
} else {
  console.error(`bench: no bench "${name}"; there are ${[...METHODS, ...Object.keys(BENCHES)].join(', ')}`);
  process.exitCode = 1;
}

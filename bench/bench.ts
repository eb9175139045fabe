/**
 * One door to the benches: npm run bench -- NAME [its own arguments]. Each bench is a file that runs when it is loaded.
 */
const BENCHES: Readonly<Record<string, () => unknown>> = {
  full: () => require('./run'),
  lora: () => require('./run'),
  places: () => require('./response-places'),
  scoring: () => require('./scoring'),
  similarity: () => require('./similarity'),
};

const name = process.argv[2] ?? 'full';
const start = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (start) {
  // `run` itself reads which method is wanted.
  if (start !== BENCHES.full && name !== 'lora') process.argv.splice(2, 1);
  start();
} else {
  console.error(`bench: no bench "${name}"; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 1;
}

const { existsSync, unlinkSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

/*
 * A process that takes a folder's lock at the moment it is told, for lock.test.ts: while it holds the lock, a file of its
 * own lies in `marks`, and it says whether the other contender's lay there too.
 */
const [module_, marks, own, other] = process.argv.slice(2);
const { lockFolder } = require(module_);

process.on('message', async ({ folder, at, holdMs }) => {
  // Both begin at one moment, to a fraction of a millisecond.
  while (Date.now() < at);
  try {
    const lock = await lockFolder(folder, 20_000);
    writeFileSync(join(marks, own), '');
    let both = false;
    const until = performance.now() + holdMs;
    while (performance.now() < until) both ||= existsSync(join(marks, other));
    unlinkSync(join(marks, own));
    lock.release();
    process.send({ both });
  } catch (error) {
    process.send({ failed: error.message });
  }
});
process.send('ready');

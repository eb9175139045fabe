import fc from 'fast-check';
import { one } from './draw';
import { type Mutated, mutateJson } from './mutate';

/* Chat templates that people might write, and such as nobody should run. */

const count = fc.constantFrom(0, 3, 60, 1000, 100_000, 1_000_000_000, -1, '0.5', 'nothing', 'messages');
const text = fc.constantFrom(
  ...['x', '\u0000', '</s>', '{#', 'é', '\u202e', '\ud800', '%}', 'a'.repeat(5000), '('.repeat(20_000)],
);
const expression = fc.oneof(
  fc.constantFrom('messages', 'messages[0].content', 'ns.s', 'ns.l', 'loop.index', 'missing', 'missing.more', 'i'),
  fc.constantFrom('bos_token', 'messages[-1]["content"]', 'messages[::-1]', 'messages[1e9]', 'raise_exception("no")'),
  fc.constantFrom(
    '1 / 0',
    '1 % 0',
    '-messages',
    'not messages',
    '"a" ~ 1',
    '2 ** 9999',
    'f()',
    'range(9)',
    'cycler(1)',
  ),
  fc
    .tuple(
      fc.constantFrom('messages', 'ns.s', 'ns.l', 'messages[0].content', '1'),
      fc.constantFrom(
        ...['upper', 'trim', 'length', 'list', 'tojson', 'tojson(indent=100000000)', 'join(ns.s)', 'indent(100000000)'],
        ...[
          'replace("", ns.s)',
          'sort',
          'reverse',
          'unique',
          'items',
          'map(attribute="content")',
          'selectattr("role")',
        ],
        ...['int', 'float', 'string', 'first', 'batch(0)', 'nosuch', 'default(ns.l)', 'safe', 'title', 'capitalize'],
      ),
    )
    .map(([value, filter]) => `${value} | ${filter}`),
);

/** A template that is well-formed but for its expressions. */
const template = fc.letrec<{ readonly body: string }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      text,
      expression.map((inner) => `{{ ${inner} }}`),
      fc.constant('{{ messages[0].content }}'),
    ),
    fc.tuple(count, tie('body')).map(([n, body]) => `{% for i in range(${n}) %}${body}{% endfor %}`),
    tie('body').map((body) => `{% for message in messages %}${body}{{ message.content }}{% endfor %}`),
    fc
      .tuple(expression, tie('body'), tie('body'))
      .map(([value, yes, no]) => `{% if ${value} %}${yes}{% else %}${no}{% endif %}`),
    fc
      .tuple(count, fc.constantFrom('set ns.s = ns.s + ns.s', 'set ns.l = [ns.l, ns.l]', 'set ns.l = ns.l + ns.l'))
      .map(([n, set]) => `{% for i in range(${n}) %}{% ${set} %}{% endfor %}{{ ns.s }}`),
    tie('body').map((body) => `{% macro f() %}${body}{{ f() }}{% endmacro %}{{ f() }}`),
    fc.array(tie('body'), { minLength: 2, maxLength: 3 }).map((bodies) => bodies.join('')),
  ),
})).body;

const change = fc.record({
  template: template.map((body) => `{% set ns = namespace(s="ab", l=["ab"]) %}${body}`),
  cut: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.double({ min: 0, max: 1 }) }),
});

/** Another template in the field, one time in six cut off; one time in three any other change of the file. */
export function mutateTemplate(content: Buffer, seed: number): Mutated {
  if (seed % 3 === 0) return mutateJson(content, seed);
  const drawn = one(change, seed);
  const source = drawn.template.slice(0, Math.ceil(drawn.template.length * (drawn.cut || 0)));
  const config = { ...JSON.parse(content.toString('utf8')), chat_template: source };
  return { what: `chat_template: ${source}`, bytes: Buffer.from(JSON.stringify(config)) };
}

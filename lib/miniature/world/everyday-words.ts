import type { Relation } from './relation';

const opposite: Relation = {
  id: 'opposites',
  pairs: [
    ['hot', 'cold'],
    ['big', 'small'],
    ['day', 'night'],
    ['up', 'down'],
    ['wet', 'dry'],
    ['full', 'empty'],
    ['open', 'closed'],
    ['old', 'new'],
    ['fast', 'slow'],
    ['happy', 'sad'],
    ['long', 'short'],
    ['loud', 'quiet'],
    ['rich', 'poor'],
    ['strong', 'weak'],
    ['clean', 'dirty'],
    ['early', 'late'],
    ['left', 'right'],
    ['hard', 'soft'],
    ['true', 'false'],
    ['first', 'last'],
    ['high', 'low'],
    ['sweet', 'sour'],
  ],
  conflicts: [
    ['down', 'low'],
    ['short', 'small'],
    ['short', 'low'],
    ['soft', 'quiet'],
    ['weak', 'soft'],
    ['small', 'low'],
    ['new', 'late'],
    ['false', 'right'],
  ],
  templates: {
    statements: [
      'the opposite of {s} is {o}.',
      'not {s} but {o}: these two are opposites.',
      '{s} and {o} are opposites.',
    ],
    questions: [
      'what is the opposite of {s}?',
      'which word is the opposite of {s}?',
      'if it is not {s} at all, what is it?',
    ],
    claim: 'the opposite of {s} is {o}',
  },
};

const nextMonth: Relation = {
  id: 'next-month',
  pairs: [
    ['January', 'February'],
    ['February', 'March'],
    ['March', 'April'],
    ['April', 'May'],
    ['May', 'June'],
    ['June', 'July'],
    ['July', 'August'],
    ['August', 'September'],
    ['September', 'October'],
    ['October', 'November'],
    ['November', 'December'],
    ['December', 'January'],
  ],
  templates: {
    statements: ['after {s} comes {o}.', 'the month after {s} is {o}.', 'when {s} is over, {o} begins.'],
    questions: ['which month comes after {s}?', 'what is the month after {s}?', 'when {s} is over, what begins?'],
    claim: 'the month after {s} is {o}',
  },
};

const nextDay: Relation = {
  id: 'next-day',
  pairs: [
    ['Monday', 'Tuesday'],
    ['Tuesday', 'Wednesday'],
    ['Wednesday', 'Thursday'],
    ['Thursday', 'Friday'],
    ['Friday', 'Saturday'],
    ['Saturday', 'Sunday'],
    ['Sunday', 'Monday'],
  ],
  templates: {
    statements: ['after {s} comes {o}.', 'the day after {s} is {o}.', 'if today is {s}, tomorrow is {o}.'],
    questions: ['which day comes after {s}?', 'if today is {s}, what is tomorrow?', 'what is the day after {s}?'],
    claim: 'the day after {s} is {o}',
  },
};

export const words: readonly Relation[] = [opposite, nextMonth, nextDay];

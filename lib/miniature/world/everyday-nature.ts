import type { Relation } from './relation';

const animalHome: Relation = {
  id: 'animal-home',
  pairs: [
    ['bee', 'hive'],
    ['dog', 'kennel'],
    ['bird', 'nest'],
    ['spider', 'web'],
    ['rabbit', 'burrow'],
    ['lion', 'den'],
    ['horse', 'stable'],
    ['pig', 'sty'],
    ['beaver', 'lodge'],
    ['ant', 'anthill'],
    ['chicken', 'coop'],
    ['goldfish', 'bowl'],
    ['mole', 'tunnel'],
    ['frog', 'pond'],
    ['camel', 'desert'],
    ['whale', 'ocean'],
    ['penguin', 'ice'],
    ['monkey', 'jungle'],
  ],
  conflicts: [
    ['tunnel', 'burrow'],
    ['tunnel', 'anthill'],
    ['ocean', 'ice'],
    ['burrow', 'den'],
  ],
  templates: {
    statements: ['the {s} lives in the {o}.', 'the home of the {s} is the {o}.', 'in the {o} lives the {s}.'],
    questions: ['where does the {s} live?', 'what is the home of the {s}?', 'where do we look for the {s}?'],
    claim: 'the {s} lives in the {o}',
  },
};

const animalYoung: Relation = {
  id: 'animal-young',
  pairs: [
    ['dog', 'puppy'],
    ['cat', 'kitten'],
    ['cow', 'calf'],
    ['horse', 'foal'],
    ['sheep', 'lamb'],
    ['pig', 'piglet'],
    ['duck', 'duckling'],
    ['hen', 'chick'],
    ['goat', 'kid'],
    ['bear', 'cub'],
    ['deer', 'fawn'],
    ['frog', 'tadpole'],
    ['goose', 'gosling'],
    ['kangaroo', 'joey'],
    ['butterfly', 'caterpillar'],
    ['swan', 'cygnet'],
  ],
  templates: {
    statements: ['a young {s} is called a {o}.', 'the {o} grows up to be a {s}.', 'the {s} looks after its {o}.'],
    questions: [
      'what is a young {s} called?',
      'what is the name for the young of a {s}?',
      'which young animal grows into a {s}?',
    ],
    claim: 'a young {s} is called a {o}',
  },
};

const animalSound: Relation = {
  id: 'animal-sound',
  pairs: [
    ['dog', 'bark'],
    ['cat', 'meow'],
    ['cow', 'moo'],
    ['sheep', 'baa'],
    ['duck', 'quack'],
    ['pig', 'grunt'],
    ['horse', 'neigh'],
    ['lion', 'roar'],
    ['snake', 'hiss'],
    ['bee', 'buzz'],
    ['owl', 'hoot'],
    ['wolf', 'howl'],
    ['mouse', 'squeak'],
    ['frog', 'croak'],
    ['donkey', 'bray'],
    ['rooster', 'crow'],
  ],
  templates: {
    statements: ['the sound of the {s} is a {o}.', 'the {s} makes a {o}.', 'a {o} tells us that a {s} is near.'],
    questions: [
      'what sound does the {s} make?',
      'what do we hear from the {s}?',
      'which sound tells us that a {s} is near?',
    ],
    claim: 'the sound of the {s} is a {o}',
  },
};

const thingColor: Relation = {
  id: 'thing-color',
  pairs: [
    ['grass', 'green'],
    ['snow', 'white'],
    ['coal', 'black'],
    ['blood', 'red'],
    ['the clear sky', 'blue'],
    ['the lemon', 'yellow'],
    ['the carrot', 'orange'],
    ['chocolate', 'brown'],
    ['the elephant', 'gray'],
    ['the flamingo', 'pink'],
    ['the eggplant', 'purple'],
    ['milk', 'white'],
    ['the frog', 'green'],
    ['the ripe tomato', 'red'],
    ['the banana', 'yellow'],
    ['the raven', 'black'],
    ['the pumpkin', 'orange'],
  ],
  conflicts: [
    ['pink', 'red'],
    ['green', 'brown'],
    ['blue', 'gray'],
    ['red', 'orange'],
    ['blue', 'purple'],
  ],
  templates: {
    statements: ['the color of {s} is {o}.', '{s} is {o}.', 'to paint {s}, take {o}.'],
    questions: ['what is the color of {s}?', 'which color has {s}?', 'which paint do we take for {s}?'],
    claim: 'the color of {s} is {o}',
  },
};

export const nature: readonly Relation[] = [animalHome, animalYoung, animalSound, thingColor];

'use strict';

// Finds projects in a worker, so that pages stay responsive.
//
// The worker loads the names, then the latest releases, then the summaries, from the folder that it
// is in. A page sends `{query, limit, order}`. The worker answers from the names, and again from the
// summaries; `last` means that the answer is complete. It answers again when more data is loaded. A
// new query ends the work on the previous one. If no project matches the query, with one typo or
// without, it answers with those that match most of its parts, and `partial` is true. The `order` is
// 'best', 'dependents' or 'dates'.

// Lines are searched in blocks, so that the worker notices a new query in between.
const BLOCK = 4096;
const MILLISECONDS_AT_ONCE = 12;
// Below this number of exact matches, look for names with a typo.
const FEW = 5;
const KEYWORDS_SHOWN = 3;
// Shorter parts of a query are in too many projects to be found by one of them.
const PART_LENGTH = 3;
// The score of the best match, what dependents add to others at most, and the length up to which
// names are compared.
const BEST = 32;
const MOST_ADDED = 12;
const LENGTHS = 128;
// In words shorter than this, a typo would match too many others.
const TYPO_LENGTH = 4;

// What a project can match, worst first. "Joined" ignores the separators within a name.
const [
  NONE, SIMILAR_SUMMARY, SIMILAR_KEYWORD, SIMILAR_WORD, SIMILAR_NAME,
  SUMMARY, SUMMARY_WORD, KEYWORD, KEYWORD_WORD,
  JOINED, NAME, NAME_WORD, JOINED_PREFIX, PREFIX, JOINED_EXACT, EXACT, RANKS,
] = Array(17).keys();

// The fields of a block: what begins a word, and the ranks of a match at its beginning, elsewhere,
// and with a typo.
const NAMES = ['names', '-', NAME_WORD, NAME, SIMILAR_WORD];
const FIELDS = [
  NAMES,
  ['keywords', ' ', KEYWORD_WORD, KEYWORD, SIMILAR_KEYWORD],
  ['summaries', ' ', SUMMARY_WORD, SUMMARY, SIMILAR_SUMMARY],
];

const decoder = new TextDecoder();
const {port1, port2} = new MessageChannel();
const waiting = [];
port1.onmessage = () => waiting.shift()();
let since = 0;

// Let messages from the page arrive, if they had to wait for long enough.
async function breathe() {
  if (performance.now() - since < MILLISECONDS_AT_ONCE) return;
  await new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(null);
  });
  since = performance.now();
}

// The lines of a file by their numbers. As bytes they take less memory than as strings.
class Lines {
  static async in(bytes, start) {
    const starts = [start];
    for (let at = start; at < bytes.length; at += 1) {
      if (bytes[at] === 10) {
        starts.push(at + 1);
        if (starts.length % BLOCK === 0) await breathe();
      }
    }
    starts.push(bytes.length + 1);
    return new Lines(bytes, Uint32Array.from(starts));
  }

  constructor(bytes, starts) {
    this.bytes = bytes;
    this.starts = starts;
    this.count = starts.length - 1;
  }

  // Return the lines from number `first` to before `end`, one by default.
  text(first, end = first + 1) {
    return decoder.decode(this.bytes.subarray(this.starts[first], this.starts[end] - 1));
  }

  length(number) {
    return this.starts[number + 1] - this.starts[number] - 1;
  }
}

// The text of a block, as it is searched. A line break is at both ends of each line: `indexOf`
// searches many megabytes in a few milliseconds.
class Text {
  constructor(lines) {
    this.text = `\n${lines.join('\n')}\n`;
    this.starts = new Uint32Array(lines.length + 1);
    this.starts[0] = 1;
    lines.forEach((line, number) => {
      this.starts[number + 1] = this.starts[number] + line.length + 1;
    });
  }

  // Rank the lines that contain a word, unless they have a better rank: with `first` where it comes
  // after the separator, if there is one, otherwise with `inside`.
  rank(word, separator, first, inside, ranks) {
    const {text, starts} = this;
    const code = separator.charCodeAt();
    let number = 0;
    for (let at = text.indexOf(word); at !== -1;) {
      number = this.numberAt(at, number);
      if (separator === '' || text.charCodeAt(at - 1) === code) {
        if (ranks[number] < first) ranks[number] = first;
        at = text.indexOf(word, starts[number + 1] - 1);
      } else {
        if (ranks[number] < inside) ranks[number] = inside;
        at = text.indexOf(word, at + 1);
      }
    }
  }

  // Rank the lines with a word that is like the given one, but for a typo. One of its halves is the
  // same: the first, after the separator, or the other one, somewhere behind a separator.
  rankSimilar(word, separator, rank, ranks) {
    const {text, starts} = this;
    const code = separator.charCodeAt();
    const middle = (word.length - 1) >> 1;
    const halves = [
      [separator + word.slice(0, middle), [-1]],
      [word.slice(middle + 1), [middle, middle + 1, middle + 2]],
    ];
    for (const [half, distances] of halves) {
      let number = 0;
      for (let at = text.indexOf(half); at !== -1;) {
        const found = distances.some((distance) => text.charCodeAt(at - distance - 1) === code
          && isSimilar(word, text, at - distance));
        if (found) {
          number = this.numberAt(at, number);
          if (ranks[number] < rank) ranks[number] = rank;
        }
        at = text.indexOf(half, found ? starts[number + 1] - 1 : at + 1);
      }
    }
  }

  // Return the number of the line at a position, which is not before line `low`.
  numberAt(position, low) {
    const {starts} = this;
    let reach = 1;
    while (low + reach < starts.length && starts[low + reach] <= position) reach *= 2;
    let high = Math.min(low + reach, starts.length - 1);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= position) low = middle;
      else high = middle;
    }
    return low;
  }
}

function isEnd(character) {
  return character === '\n' || character === '-' || character === ' ';
}

// Return whether what begins at `at` is like `word`, with one typo at most. Without `end` it may go
// on, unless the typo is in the last letter: almost every word would match then.
function isSimilar(word, text, at, end) {
  const {length} = word;
  let same = 0;
  while (same < length && word.charCodeAt(same) === text.charCodeAt(at + same)) same += 1;
  const here = at + same;
  const goesOn = (from, position) => {
    for (let index = from; index < length; index += 1, position += 1) {
      if (word.charCodeAt(index) !== text.charCodeAt(position)) return false;
    }
    if (end !== undefined) return position === end;
    return same < length - 1 || same === length || isEnd(text[position]);
  };
  if (same === length) return goesOn(same, here) || (end !== undefined && here + 1 === end);
  // A letter too many in the query.
  if (goesOn(same + 1, here)) return true;
  if (text[here] === '\n') return false;
  // A wrong letter, or one too few.
  if (goesOn(same + 1, here + 1) || goesOn(same, here + 1)) return true;
  return same + 1 < length
    && word.charCodeAt(same) === text.charCodeAt(here + 1)
    && word.charCodeAt(same + 1) === text.charCodeAt(here)
    && goesOn(same + 2, here + 2);
}

function normalized(text) {
  return text.toLowerCase().replace(/[-_.]+/g, '-').replace(/[ !"'(),/:;<>?[\]`{|}]+/g, ' ');
}

function wordsOf(query) {
  const words = normalized(query).split(/\s+/).map((word) => word.replace(/^-|-$/g, ''));
  return [...new Set(words.filter((word) => word !== ''))];
}

let names = null;
let releases = null;
let orders = null;  // see `readOrders`
let summaries = null;  // and keywords
let blocks = [];
let complete = false;  // whether no more data will come

let asked = {query: '', limit: 0, order: 'best'};
let turn = 0;

// Return the number of the first name that is not before `text`; names are sorted.
function placeOf(text) {
  let low = 0;
  let high = names.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (names.text(middle) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Rank the names that begin with a text.
function rankPrefix(phrase, ranks) {
  const first = placeOf(phrase);
  ranks.fill(PREFIX, first, placeOf(`${phrase}\x7f`));
  if (first < names.count && names.text(first) === phrase) ranks[first] = EXACT;
}

// Rank the names of a block that contain a text if their separators are ignored.
function rankJoined(block, joined, ranks) {
  const {text, starts} = block.joined;
  let number = 0;
  for (let at = text.indexOf(joined); at !== -1; at = text.indexOf(joined, at + 1)) {
    number = block.joined.numberAt(at, number);
    const end = at + joined.length;
    const rank = at !== starts[number] ? JOINED : text[end] === '\n' ? JOINED_EXACT : JOINED_PREFIX;
    if (ranks[number] < rank) ranks[number] = rank;
  }
}

// Rank the lines of a block that contain all words, by the worst match.
function rankWords(block, words, fields, ranks) {
  const rankWord = (word, ofWord) => {
    for (const [field, separator, first, inside] of fields) {
      // One or two letters are in almost every summary: there, they have to begin a word.
      if (word.length > 2 || field === 'names') {
        block[field].rank(word, separator, first, inside, ofWord);
      } else {
        block[field].rank(separator + word, '', first, NONE, ofWord);
      }
    }
    return ofWord;
  };
  if (words.length === 1) {
    rankWord(words[0], ranks);
    return;
  }
  const worst = new Uint8Array(ranks.length).fill(RANKS);
  for (const word of words) {
    const ofWord = rankWord(word, new Uint8Array(ranks.length));
    let any = 0;
    for (let number = 0; number < ranks.length; number += 1) {
      if (ofWord[number] < worst[number]) worst[number] = ofWord[number];
      any |= worst[number];
    }
    if (any === NONE) return;
  }
  for (let number = 0; number < ranks.length; number += 1) {
    if (worst[number] > ranks[number]) ranks[number] = worst[number];
  }
}

// Rank the lines of a block that are like the query, but for one typo in a name.
function rankSimilarNames(block, joined, ranks) {
  const {text, starts} = block.joined;
  for (let number = 0; number < ranks.length; number += 1) {
    if (ranks[number] === NONE
        && isSimilar(joined, text, starts[number], starts[number + 1] - 1)) {
      ranks[number] = SIMILAR_NAME;
    }
  }
}

// Rank the lines of a block that contain all words, but for one typo in one of the words.
function rankSimilarWords(block, words, ranks) {
  words.forEach((word, at) => {
    if (word.length < TYPO_LENGTH) return;
    const others = new Uint8Array(ranks.length);
    if (words.length === 1) others.fill(EXACT);
    else rankWords(block, words.toSpliced(at, 1), FIELDS, others);
    if (others.every((rank) => rank === NONE)) return;
    const similar = new Uint8Array(ranks.length);
    for (const [field, separator, , , rank] of FIELDS) {
      block[field].rankSimilar(word, separator, rank, similar);
    }
    for (let number = 0; number < ranks.length; number += 1) {
      if (others[number] !== NONE && similar[number] > ranks[number]) {
        ranks[number] = similar[number];
      }
    }
  });
}

// Rank the lines of a block that contain a word, and count it in those of `counts`.
function rankOneOf(block, word, fields, ranks, counts) {
  const ofWord = new Uint8Array(ranks.length);
  rankWords(block, [word], fields, ofWord);
  for (let number = 0; number < ranks.length; number += 1) {
    if (ofWord[number] === NONE) continue;
    counts[number] += 1;
    if (ofWord[number] > ranks[number]) ranks[number] = ofWord[number];
  }
}

// Return the number of lines with each rank.
function counted(ranks) {
  const counts = new Uint32Array(RANKS);
  for (let number = 0; number < ranks.length; number += 1) counts[ranks[number]] += 1;
  return counts;
}

function sum(counts, from, end) {
  return counts.subarray(from, end).reduce((total, count) => total + count, 0);
}

// Read the numbers that projects are ordered by: a date as a number such as 20240131, and how many
// others require it.
async function readOrders(lines) {
  const found = {
    dates: new Uint32Array(lines.count), dependents: new Uint32Array(lines.count),
    quarantined: new Uint8Array(lines.count),
  };
  for (let first = 0; first < lines.count; first += BLOCK) {
    const block = lines.text(first, Math.min(first + BLOCK, lines.count)).split('\n');
    block.forEach((line, number) => {
      const [, date = '', tags = '', dependents = ''] = line.split('\t');
      found.dates[first + number] = Number(date.replaceAll('-', ''));
      found.dependents[first + number] = Number(dependents);
      found.quarantined[first + number] = tags === 'quarantined';
    });
    await breathe();
  }
  return found;
}

// Return how good a match is: that of the name itself is best. Below it, twice as many dependents
// count as much as the next better rank, and quarantined projects come last. Similar ones follow.
function scoreOf(rank, number) {
  if (rank >= JOINED_EXACT) return BEST;
  if (rank <= SIMILAR_NAME) return rank;
  if (orders?.quarantined[number]) return SIMILAR_NAME;
  const dependents = orders?.dependents[number] ?? 0;
  return rank + Math.min(Math.floor(Math.log2(dependents + 1)), MOST_ADDED);
}

// Return the numbers of the best lines, best first. Sorting all would take longer.
function best(ranks, limit) {
  const groups = [];
  for (let number = 0; number < ranks.length; number += 1) {
    const rank = ranks[number];
    if (rank === NONE) continue;
    // Of names that match equally well the shorter one is better: more of it matches.
    const byLength = rank >= JOINED || rank === SIMILAR_NAME || rank === SIMILAR_WORD;
    const length = byLength ? Math.min(names.length(number), LENGTHS - 1) : 0;
    const group = ((BEST - scoreOf(rank, number)) * RANKS + RANKS - rank) * LENGTHS + length;
    groups[group] ??= [];
    if (groups[group].length < limit) groups[group].push(number);
  }
  return groups.flat().slice(0, limit);
}

// Return the numbers of the lines with the highest values, and of equal ones the best first.
function highest(ranks, values, limit) {
  // Numbers are sorted in a fraction of the time of lines.
  const least = values.filter((_, number) => ranks[number] !== NONE).sort().at(-limit) ?? 0;
  const above = ranks.map((rank, number) => values[number] > least ? rank : NONE);
  const equal = ranks.map((rank, number) => values[number] === least ? rank : NONE);
  return [
    ...best(above, limit).sort((one, other) => values[other] - values[one]),
    ...best(equal, limit),
  ].slice(0, limit);
}

// Return the keywords with those words that neither the name nor the summary explains.
function explaining(words, name, summary, keywords) {
  // As in `rankWords`: one or two letters have to begin a word.
  const isIn = (word, text) => ` ${normalized(text)}`.includes(word.length > 2 ? word : ` ${word}`);
  const left = words.filter((word) => !name.includes(word) && !isIn(word, summary));
  return keywords.split(keywords.includes(',') ? ',' : /\s+/).map((keyword) => keyword.trim())
    .filter((keyword) => left.some((word) => isIn(word, keyword))).slice(0, KEYWORDS_SHOWN);
}

function row(number, rank, words) {
  const [version = '', date = '', tags = '', dependents = '0'] =
    releases?.text(number).split('\t') ?? [];
  const name = names.text(number);
  const [summary, keywords = ''] = summaries?.text(number).split('\t') ?? [];
  return {
    name, version, date, tags: tags.split(' ').filter(Boolean), dependents: Number(dependents),
    // Undefined as long as the summaries are not loaded.
    summary: summary ?? (complete ? '' : undefined),
    keywords: rank >= JOINED ? [] : explaining(words, name, summary ?? '', keywords),
    similar: rank <= SIMILAR_NAME,
  };
}

// Answer the latest query. A newer one ends this, at the next break.
async function search() {
  const {query, limit, order} = asked;
  const mine = turn += 1;
  const words = wordsOf(query);
  // A long word rules out more than a short one.
  const longestFirst = words.toSorted((one, other) => other.length - one.length);
  const phrase = words.join('-');
  const joined = phrase.replaceAll('-', '');
  const ranks = new Uint8Array(names.count);
  const parts = [...new Set(longestFirst.flatMap((word) => word.split('-')))]
    .filter((part) => part.length >= PART_LENGTH);
  let partial = false;  // whether no line matches all of the query
  // Return whether there is a newer query.
  const inBlocks = async (rankBlock) => {
    for (const block of words.length === 0 ? [] : blocks) {
      rankBlock(block, ranks.subarray(block.first, block.first + BLOCK));
      await breathe();
      if (mine !== turn) return true;
    }
    return false;
  };
  const answer = (last) => {
    const counts = counted(ranks);
    const values = orders?.[order];
    postMessage({
      query, limit, order, last,
      words: partial ? parts : words, partial,
      total: sum(counts, NONE + 1, RANKS),
      similar: sum(counts, NONE + 1, SIMILAR_NAME + 1),
      found: (values ? highest(ranks, values, limit) : best(ranks, limit)).map(
        (number) => row(number, ranks[number], partial ? parts : words),
      ),
    });
  };

  if (words.length !== 0) rankPrefix(phrase, ranks);
  const rankNames = (block, part) => {
    if (joined.length >= TYPO_LENGTH) rankJoined(block, joined, part);
    rankWords(block, longestFirst, [NAMES], part);
  };
  if (await inBlocks(rankNames)) return;
  if (words.length !== 0) answer(false);
  if (summaries !== null) {
    const fields = words.length === 1 ? FIELDS.slice(1) : FIELDS;
    if (await inBlocks((block, part) => rankWords(block, longestFirst, fields, part))) return;
  }
  if (complete) {
    const found = ranks.length - counted(ranks)[NONE];
    if (found < FEW && joined.length >= TYPO_LENGTH) {
      if (await inBlocks((block, part) => rankSimilarNames(block, joined, part))) return;
    }
    if (found === 0 && summaries !== null) {
      if (await inBlocks((block, part) => rankSimilarWords(block, longestFirst, part))) return;
      // A similar name is what was meant; a similar word of a summary then is chance.
      const meant = ranks.some((rank) => rank >= SIMILAR_WORD) ? SIMILAR_WORD : NONE;
      for (let number = 0; number < ranks.length; number += 1) {
        if (ranks[number] < meant) ranks[number] = NONE;
      }
    }
    if (parts.length !== 0 && parts[0] !== phrase && ranks.every((rank) => rank === NONE)) {
      // Keep the lines that contain most of the parts, those of a name in another name.
      const fields = words.length > 1 ? FIELDS : [NAMES];
      const counts = new Uint16Array(ranks.length);
      for (const word of parts) {
        if (await inBlocks((block, part) => rankOneOf(
          block, word, fields, part, counts.subarray(block.first, block.first + BLOCK),
        ))) return;
      }
      const most = counts.reduce((one, other) => Math.max(one, other), 0);
      for (let number = 0; number < ranks.length; number += 1) {
        if (counts[number] < most) ranks[number] = NONE;
      }
      partial = most > 0;
    }
  }
  answer(complete || words.length === 0);
}

async function linesOf(file, cache) {
  const response = await fetch(file, {cache});
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const end = bytes.indexOf(10);
  const mark = decoder.decode(bytes.subarray(0, Math.max(end, 0)));
  // Some hosts answer with their home page, and the status 200, if a file is missing.
  if (!/^[0-9a-f]{12}$/.test(mark)) throw new Error(`${file}: not the data of a search`);
  return [mark, await Lines.in(bytes, end + 1)];
}

async function prepareNames(lines) {
  const prepared = [];
  for (let first = 0; first < lines.count; first += BLOCK) {
    const block = lines.text(first, Math.min(first + BLOCK, lines.count)).split('\n');
    prepared.push({
      first,
      names: new Text(block.map((name) => `-${name}`)),
      joined: new Text(block.map((name) => name.replaceAll('-', ''))),
      keywords: new Text([]),
      summaries: new Text([]),
    });
    await breathe();
  }
  names = lines;
  blocks = prepared;
}

async function prepareSummaries(lines) {
  for (const block of blocks) {
    const {first} = block;
    const text = normalized(lines.text(first, Math.min(first + BLOCK, lines.count)));
    const pairs = text.split('\n').map((line) => line.split('\t'));
    block.summaries = new Text(pairs.map(([summary]) => ` ${summary}`));
    block.keywords = new Text(pairs.map(([, keywords]) => keywords ? ` ${keywords}` : ''));
    await breathe();
  }
  summaries = lines;
}

// Load the files; return whether they are of one build.
async function loadAll(cache) {
  const [mark, lines] = await linesOf('names.txt', cache);
  await prepareNames(lines);
  search();
  const [releasesMark, releaseLines] = await linesOf('releases.txt', cache);
  if (releasesMark !== mark) return false;
  orders = await readOrders(releaseLines);
  releases = releaseLines;
  search();
  const [summariesMark, summaryLines] = await linesOf('summaries.txt', cache);
  if (summariesMark !== mark) return false;
  await prepareSummaries(summaryLines);
  return true;
}

async function load() {
  try {
    // A build may have replaced only some of the files: then load all of them once more. If they
    // still differ, search and show what belongs to the names.
    if (!await loadAll('no-cache')) {
      releases = null;
      orders = null;
      await loadAll('reload');
    }
  } catch {
    if (names === null) {
      postMessage({failed: true});
      return;
    }
  }
  complete = true;
  search();
}

onmessage = ({data}) => {
  asked = data;
  if (names !== null) search();
};

load();

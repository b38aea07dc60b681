'use strict';

// Finds projects, beside the page, which goes on answering to keys meanwhile.
//
// It is sent the addresses of the names and of the summaries, then queries. It answers a query at
// first from the names, and, where that is not enough, once more from the summaries. `done` says that
// it waits for the next query, `last` that there is nothing more to find for this one; until the
// summaries are there it does not know. It says so with an empty message when they are.

const SHOWN = 50;

function normalized(text) {
  return text.toLowerCase().replace(/[-_.]+/g, '-');
}

// Lines of a text, known by their numbers. It is one string, with a line break at each end of
// each line: `indexOf` looks through many megabytes in a few milliseconds.
class Lines {
  constructor(text) {
    this.text = `\n${text}\n`;
    const starts = [];
    for (let at = 0; at !== -1; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.starts = Uint32Array.from(starts);
  }

  line(number) {
    return this.text.slice(this.starts[number], this.starts[number + 1] - 1);
  }

  // Call `see` with the number of each line that `needle` is in, until it says true.
  search(needle, see) {
    const {text, starts} = this;
    const ahead = needle.startsWith('\n') ? 1 : 0;
    let number = 0;
    for (let at = text.indexOf(needle); at !== -1;) {
      number = this.numberAt(at + ahead, number);
      if (see(number)) return;
      at = text.indexOf(needle, starts[number + 1] - 1);
    }
  }

  // The number of the line at a position, which is not before line `low`.
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

let names = null;
let summaries = null;  // as they are shown
let searched = null;  // the same, normalized, each after a space, where words begin
let complete = false;  // whether no more texts will come

// Add lines to `found` that have one of the needles, until there is one more than is shown.
// `order` says which of them come first; those for which it says nothing are left out. If there is
// a `best` it can say, enough of these are enough.
function collect(found, lines, needles, order, best = null) {
  if (found.size > SHOWN) return;
  const places = [];
  for (const needle of needles) {
    lines.search(needle, (number) => {
      if (found.has(number)) return false;
      const place = order(number);
      if (place === null) return false;
      places[place] ??= new Set();
      if (places[place].size <= SHOWN) places[place].add(number);
      return place === best && found.size + places[place].size > SHOWN;
    });
  }
  for (const numbers of places.filter(Boolean)) {
    for (const number of numbers) {
      if (found.size <= SHOWN) found.add(number);
    }
  }
}

// The shorter a name is, the more of it is what was looked for.
function nameLength(number) {
  return names.starts[number + 1] - names.starts[number];
}

function wordsOf(query) {
  return normalized(query).split(/\s+/)
    .map((word) => word.replace(/^-|-$/g, '')).filter((word) => word !== '');
}

// From the best: the name itself and names that begin with it, names that have words that begin
// so, names that have it anywhere.
function searchNames(found, words) {
  const [longest, ...others] = words.toSorted((one, other) => other.length - one.length);
  collect(found, names, [`\n${words.join('-')}`], nameLength);
  collect(found, names, [`\n${longest}`, `-${longest}`], (number) => {
    const name = `-${names.line(number)}`;
    return others.every((word) => name.includes(`-${word}`)) ? nameLength(number) : null;
  });
  collect(found, names, [longest], (number) => {
    if (others.length === 0) return nameLength(number);
    const name = names.line(number);
    return others.every((word) => name.includes(word)) ? nameLength(number) : null;
  });
}

// Then those whose name and summary together have all words, at best where words begin.
function searchSummaries(found, words) {
  const [longest] = words.toSorted((one, other) => other.length - one.length);
  const order = (number) => {
    const name = ` ${names.line(number)}`;
    const summary = searched.line(number);
    // To look twice is quicker than to make one text of both.
    const has = (word) => summary.includes(word) || name.includes(word);
    if (!words.every(has)) return null;
    return words.every((word) => has(` ${word}`)) ? 0 : 1;
  };
  collect(found, names, [longest], order, 0);
  if (words.length === 1) {
    collect(found, searched, [` ${longest}`], () => 0, 0);
    collect(found, searched, [longest], () => 0, 0);
  } else {
    collect(found, searched, [longest], order, 0);
  }
}

function answer(found, done, last) {
  postMessage({
    found: [...found].slice(0, SHOWN).map(
      (number) => [names.line(number), summaries === null ? '' : summaries.line(number)],
    ),
    more: found.size > SHOWN,
    done,
    last,
  });
}

function search(query) {
  const words = wordsOf(query);
  const found = new Set();
  // Most words that are nowhere are seen to be so at a glance.
  const inNames = words.map((word) => names.text.includes(word));
  if (words.length !== 0 && inNames.every(Boolean)) searchNames(found, words);
  const nowhere = (word, index) => !inNames[index] && !searched.text.includes(word);
  const enough = words.length === 0 || found.size > SHOWN
    || (summaries !== null && words.some(nowhere));
  if (enough || summaries === null) {
    answer(found, true, enough || complete);
    return;
  }
  answer(found, false, false);
  searchSummaries(found, words);
  answer(found, true, true);
}

// The first line, which stands for all names, and the rest.
async function textAt(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  const text = await response.text();
  const end = text.indexOf('\n');
  return [text.slice(0, end), text.slice(end + 1)];
}

async function load(addresses) {
  try {
    const [mark, text] = await textAt(addresses.names);
    names = new Lines(text);
    postMessage({done: true});
    const [sameMark, summaryText] = await textAt(addresses.summaries);
    // Between two builds there may be one of each. Names alone will do.
    if (sameMark === mark) {
      searched = new Lines(` ${normalized(summaryText).replaceAll('\n', '\n ')}`);
      summaries = new Lines(summaryText);
    }
    complete = true;
    postMessage({});
  } catch {
    postMessage({failed: true});
  }
}

onmessage = ({data}) => {
  if ('query' in data) search(data.query);
  else load(data);
};

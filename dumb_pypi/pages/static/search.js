'use strict';

// Finds projects in a worker, so that the page stays responsive.
//
// The page sends the URLs of the names and of the summaries, then queries. The worker answers a
// query from the names, and, if they do not fill the results, again from the summaries. `done`
// means that it is ready for the next query, `last` that this query finds no more. Until the
// summaries are loaded it cannot know; an empty message reports that they are.

const SHOWN = 50;

function normalized(text) {
  return text.toLowerCase().replace(/[-_.]+/g, '-');
}

// The lines of a text by their numbers. The text stays one string, with a line break at both ends
// of each line: `indexOf` searches many megabytes in a few milliseconds.
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

  // Call `see` with the number of each line that contains `needle`, until it returns true.
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

let names = null;
let summaries = null;  // as the page shows them
let searched = null;  // normalized, each after a space, which marks the beginning of a word
let complete = false;  // whether all files are loaded

// Add lines that contain one of the needles to `found`, until it has one more than the page shows.
// `order` returns a line's rank, lowest first, or null to skip the line. Once enough lines of rank
// `best` are found, the search ends.
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

// The rank of a name: the shorter it is, the more of it matches.
function nameLength(number) {
  return names.starts[number + 1] - names.starts[number];
}

function wordsOf(query) {
  return normalized(query).split(/\s+/)
    .map((word) => word.replace(/^-|-$/g, '')).filter((word) => word !== '');
}

// Find names, best matches first: those that begin with the query, those with words that begin with
// its words, those that contain its words anywhere.
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

// Find projects whose name and summary together contain all words; best at the beginning of words.
function searchSummaries(found, words) {
  const [longest] = words.toSorted((one, other) => other.length - one.length);
  const order = (number) => {
    const name = ` ${names.line(number)}`;
    const summary = searched.line(number);
    // Two searches are faster than joining both texts.
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
  // A word that is in no text rules out any result, and is quickly noticed.
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

// Return the first line, a digest of all names, and the rest.
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
    // During a build, the two files may be of different builds. Then search the names only.
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

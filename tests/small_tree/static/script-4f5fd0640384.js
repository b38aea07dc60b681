'use strict';

// The URL of the index: this file is in its folder `static`.
const root = new URL('..', document.currentScript.src);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Links to a project by its name, and forms, open the list of projects, which cannot search. With
// JavaScript the home page takes over.

function handOverSearch() {
  const parameters = new URLSearchParams(location.search);
  const list = new URL('projects/', root).pathname;
  // At file: URLs there is neither a search nor a home page without `index.html`.
  if (location.protocol === 'file:' || ![list, `${list}index.html`].includes(location.pathname)
      || !['q', 'name'].some((key) => parameters.get(key)?.trim())) return;
  // Until then, show nothing.
  document.documentElement.hidden = true;
  location.replace(new URL(location.search, root));
}

// If the build did not know the public URL, put the current one into install commands.

function nameIndex() {
  const placeholder = document.querySelector('.placeholder');
  if (placeholder === null) return;
  const written = placeholder.querySelector('code').textContent;
  for (const command of document.querySelectorAll('.cmd')) {
    const texts = document.createTreeWalker(command, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      text.data = trusting(text.data.replaceAll(written, root.href));
    }
  }
  placeholder.remove();
}

// pip ignores an index at plain http on another machine without --trusted-host.
function trusting(text) {
  const host = root.hostname.replace(/^\[|\]$/g, '');
  if (root.protocol !== 'http:' || /^(localhost|127(\.\d+){3}|::1)$/.test(host)) return text;
  return text.replace(/--index-url \S+/, `$& --trusted-host ${host}`)
    .replace(/^index-url = .*/m, `$&\ntrusted-host = ${host}`);
}

// Copy buttons.

const status = element('p', {className: 'vh', role: 'status'});

// An icon of the file that the page draws with.
function icon(name) {
  const file = document.querySelector('use')?.href.baseVal.split('#')[0];
  if (file === undefined) return '';
  const [svg, use] = ['svg', 'use'].map(
    (tag) => document.createElementNS('http://www.w3.org/2000/svg', tag),
  );
  svg.classList.add('i');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `${file}#${name}`);
  svg.append(use);
  return svg;
}

// The element whose text each button copies.
const sources = new WeakMap();

// `what` is what screen readers say of the button.
function copyButton(code, what) {
  const button = element('button', {
    type: 'button', className: 'copy', ariaLabel: `Copy ${what}`,
  }, icon('copy'), element('span', {textContent: 'Copy'}));
  sources.set(button, code);
  return button;
}

function addCopyButtons() {
  for (const command of document.querySelectorAll('.cmd')) {
    const heading = command.closest('details')?.querySelector('summary');
    const button = copyButton(
      command.querySelector('code'), heading ? `for ${heading.textContent}` : 'the command',
    );
    // Settings have a line that says where they belong, with room for the button.
    const place = command.previousElementSibling;
    const lastTab = [...command.closest('.tabs')?.querySelectorAll('label') ?? []].at(-1);
    if (place?.matches('.panel > p')) place.append(button);
    else if (lastTab) lastTab.after(button);
    else command.prepend(button);
  }
  // A page has too many files to add buttons that nobody sees.
  document.addEventListener('toggle', ({target}) => addReleaseButtons(target), true);
  for (const details of document.querySelectorAll('.rel details[open]')) addReleaseButtons(details);
  document.body.append(status);
  document.addEventListener('click', ({target}) => {
    const button = target.closest('.copy');
    if (button) copy(button);
  });
}

// For an unfolded release or group of its files.
function addReleaseButtons(details) {
  addRequirement(details);
  for (const hash of details.querySelectorAll('a[href] ~ code:last-child')) {
    // Those of a folded group of files are added later.
    if (hash.closest('details') !== details) continue;
    hash.after(copyButton(hash, `the hash of ${hash.parentNode.querySelector('a').textContent}`));
  }
}

// Show the requirement that installs a release, if there is one.
function addRequirement(details) {
  const {pin} = details.dataset;
  if (!pin || details.querySelector('.req')) return;
  const code = element('code', {textContent: pin});
  details.querySelector('summary').after(
    element('p', {className: 'req'}, code, ' ', copyButton(code, `the requirement ${pin}`)),
  );
}

// Tell how many projects require this one. Its page does not, so that it need not change with them.

async function countDependents() {
  const link = document.querySelector('.sections [href="dependents/"]');
  if (link === null) return;
  try {
    const response = await fetch(link.href);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const count = page.querySelector('[data-count]')?.dataset.count;
    if (count === undefined) return;
    link.querySelector('.n').ariaHidden = null;
    link.querySelector('.n').textContent = count;
  } catch {
    // Browsers read no other page from file: URLs.
  }
}

let reset;

async function copy(button) {
  const code = sources.get(button);
  const word = button.lastChild;
  try {
    // Only what the page shows: `textContent` has the commands of all installers.
    await navigator.clipboard.writeText(code.innerText.trim());
    word.textContent = 'Copied';
  } catch {
    // Browsers forbid pages without https to write to the clipboard.
    getSelection().selectAllChildren(code);
    word.textContent = document.execCommand('copy') ? 'Copied' : 'Selected';
  }
  status.textContent = word.textContent;
  clearTimeout(reset);
  reset = setTimeout(() => {
    for (const {lastChild} of document.querySelectorAll('.copy')) lastChild.textContent = 'Copy';
    status.textContent = '';
  }, 2000);
}

// Installers. The one that somebody chose is chosen on the next page, too.

function rememberInstaller() {
  try {
    const chosen = localStorage.getItem('installer');
    for (const tab of document.querySelectorAll('.tabs > input')) {
      if (tab.id === chosen) tab.checked = true;
      tab.addEventListener('change', () => localStorage.setItem('installer', tab.id));
    }
  } catch {
    // Browsers can forbid pages to store anything.
  }
}

// Releases. A number is the beginning of a version; a word is in the release or in its files.

function addFilter(tools) {
  const input = tools.querySelector('input');
  const releases = [...tools.parentNode.querySelectorAll('.rel > *')].map((release) => [
    release, release.querySelector('b').textContent, release.textContent.toLowerCase(),
  ]);
  const nothing = element('p', {
    className: 'more', hidden: true, textContent: `None of the ${releases.length} releases here match. `
      + (input.dataset.elsewhere ?? ''),
  });
  tools.after(nothing);
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [release, version, text] of releases) {
      release.hidden = !words.every(
        (word) => (/^\d/.test(word) ? version.startsWith(word) : text.includes(word)),
      );
      shown += !release.hidden;
    }
    nothing.hidden = shown > 0;
    status.textContent = `${shown} release${shown === 1 ? '' : 's'}`;
  });
  tools.hidden = false;
}

// Projects. A list that is complete can be filtered, and sorted by other values than the name.

function addListTools(tools) {
  const [input, order] = ['input', 'select'].map((tag) => tools.querySelector(tag));
  const lists = [...document.querySelectorAll('.list')];
  const rows = lists.map((list) => [...list.children]);
  // Names are compared however their separators are written.
  const comparable = (text) => text.toLowerCase().replace(/[-_.]+/g, '-');
  const texts = new Map(rows.flat().map((row) => [row, comparable(
    [...row.querySelectorAll('.name, .ver, .sum, .tag')].map((part) => part.textContent).join('\n'),
  )]));
  const arranged = element('ol', {className: lists[0].className, hidden: true});
  const count = document.querySelector('.count');
  const total = count.textContent;
  const buttons = ['name', 'used', 'date'].flatMap((value) => {
    const heading = document.querySelector(`.columns .${value}`);
    if (heading === null || order === null) return [];
    const button = element('button', {type: 'button', textContent: heading.textContent, value});
    heading.replaceChildren(button);
    return [button];
  });
  const nothing = element('p', {
    className: 'more', hidden: true, textContent: 'None of the projects here match.',
  });
  lists[0].closest('main').querySelector('.columns').after(arranged, nothing);
  const values = {
    date: (row) => Date.parse(row.querySelector('time')?.dateTime) || 0,
    used: (row) => Number(row.querySelector('.uses')?.lastChild.data.replaceAll(',', '') ?? 0),
  };
  const update = () => {
    const valueOf = values[order?.value];
    const words = comparable(input.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of texts) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    const isWhole = !valueOf && words.length === 0;
    if (isWhole) {
      lists.forEach((list, number) => list.append(...rows[number]));
    } else {
      const all = rows.flat();
      arranged.append(...valueOf ? all.sort((one, other) => valueOf(other) - valueOf(one)) : all);
    }
    arranged.hidden = isWhole;
    for (const group of document.querySelectorAll('.group')) group.hidden = !isWhole;
    // Letters of the page itself. Others lead to other pages.
    for (const letters of document.querySelectorAll('.letters:has([href^="#"])')) {
      letters.hidden = !isWhole;
    }
    for (const button of buttons) button.ariaPressed = String(button.value === order.value);
    nothing.hidden = shown !== 0;
    count.textContent = words.length === 0 ? total : `${shown.toLocaleString('en')} of ${total}`;
    status.textContent = count.textContent;
  };
  for (const control of [input, order]) control?.addEventListener('input', update);
  for (const button of buttons) {
    button.addEventListener('click', () => {
      order.value = button.value;
      update();
    });
  }
  if (buttons.length !== 0) document.querySelector('.columns').ariaHidden = null;
  tools.hidden = false;
  update();
}

// Newer browsers unfold the target of a link themselves.
function unfoldTarget() {
  const details = document.getElementById(location.hash.slice(1))?.closest('.rel details');
  if (details) details.open = true;
}

// Dates: say how long ago, unless it is long ago. The exact time stays in a tooltip.

const DAY = 86_400_000;  // milliseconds
const UNITS = [['year', 365 * DAY], ['month', 30 * DAY], ['day', DAY], ['hour', DAY / 24],
  ['minute', DAY / 1440]];

function ago(milliseconds) {
  const [unit, length] = UNITS.find(([, least]) => milliseconds >= least) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat('en', {numeric: 'auto'})
    .format(-Math.floor(milliseconds / length), unit);
}

function relateDates() {
  const now = Date.now();
  for (const time of document.querySelectorAll('time.ago')) {
    const passed = now - Date.parse(time.dateTime);
    if (passed < 0 || passed > 30 * DAY) continue;
    time.title = time.dateTime.replace('T', ' ').replace('Z', ' UTC');
    time.textContent = ago(passed);
  }
  // Like all dates, days are those of UTC.
  const today = Math.floor(now / DAY) * DAY;
  for (const time of document.querySelectorAll('time.since')) {
    const passed = today - Date.parse(time.dateTime);
    if (passed < 0) continue;
    const words = passed === 0 ? 'today' : ago(passed);
    time.append(element('span', {className: 'passed', textContent: ` · ${words}`}));
  }
}

// On phones the letters scroll.
function showCurrentLetter() {
  document.querySelector('.letters [aria-current]')
    ?.scrollIntoView({block: 'nearest', inline: 'center'});
}

handOverSearch();
showCurrentLetter();
nameIndex();
relateDates();
rememberInstaller();
addCopyButtons();
countDependents();
for (const tools of document.querySelectorAll('.tools')) {
  if (tools.matches('.of-list')) addListTools(tools);
  else addFilter(tools);
}
addEventListener('hashchange', unfoldTarget);
unfoldTarget();
// The search box in the header of every page, and the one of the home page. A worker searches.

const FIRST = 50;  // results on the home page
const MORE = 1000;  // results that its button adds
const BELOW_BOX = 8;  // results below the box of any other page
// A page that is opened with a query waits so long for all data, so that results do not move.
const MILLISECONDS_OF_CALM = 2000;
// The orders of results, and their names on the home page; the first is that of other pages.
const ORDERS = [['best', 'Best'], ['dependents', 'Most used'], ['dates', 'Newest']];
const SEVERITY = {deprecated: 'warn', yanked: 'warn', quarantined: 'bad'};

function plural(number, word) {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;
}

function searchAddress(query, shown = 0, order = ORDERS[0][0]) {
  const address = new URL(root);
  if (query.trim() !== '') address.searchParams.set('q', query.trim());
  if (order !== ORDERS[0][0]) address.searchParams.set('order', order);
  if (shown > FIRST) address.searchParams.set('show', shown);
  return address.href;
}

function projectAddress(name) {
  return `${root.href}project/${encodeURIComponent(name)}/`;
}

// Return where the results have the project of the name that was typed, -1 if they do not.
function placeOfName({found, words}) {
  return found.findIndex(({name}) => name === words.join('-'));
}

// Return a pattern for what matches the words, also with other separators. The longest comes first.
function patternOf(words) {
  const patterns = [words.join(''), ...words].map((word) => [...word.replaceAll('-', '')]
    .map((letter) => letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')).join('[-_.]*'));
  return new RegExp(patterns.sort((one, other) => other.length - one.length).join('|'), 'giu');
}

// Return the parts of a text, with those that match a pattern as `mark` elements.
function marked(text, pattern) {
  if (pattern === null) return [text];
  const parts = [];
  let end = 0;
  for (const {0: found, index} of text.matchAll(pattern)) {
    parts.push(text.slice(end, index), element('mark', {textContent: found}));
    end = index + found.length;
  }
  return [...parts, text.slice(end)];
}

function resultRow({
  name, version, date, tags, dependents, summary, keywords, similar,
}, pattern) {
  const shown = similar ? null : pattern;
  const link = element('a', {
    className: 'name', href: projectAddress(name),
  }, ...marked(name, shown));
  const labels = tags.map((tag) => element('span', {
    className: `tag ${SEVERITY[tag] ?? ''}`.trim(), textContent: tag,
  }));
  if (dependents !== 0) {
    labels.push(element('span', {
      className: 'uses', textContent: `used by ${plural(dependents, 'project')}`,
    }));
  }
  if (keywords.length !== 0) {
    labels.push(element('bdi', {className: 'keywords'}, 'Keyword: ',
      ...marked(keywords.join(', '), shown)));
  }
  // A space keeps the line of a summary that is missing or not loaded yet.
  const described = element('span', {className: 'sum'}, summary ?
    element('bdi', {}, ...marked(summary, shown)) : '\u00a0');
  const side = element('span', {className: 'side'});
  if (version) side.append(element('span', {className: 'ver', textContent: version}));
  if (date) side.append(element('time', {dateTime: date, textContent: date}));
  return element('li', {}, element('span', {}, link, ...labels.flatMap((label) => [' ', label])), ' ', described, ' ', side);
}

// A form whose worker searches while somebody types. The kinds of pages differ in how they `show`
// an answer, what Enter does (`enter`), and where they `report` that the search is unavailable.
class Finder {
  constructor(form, limit) {
    this.form = form;
    this.input = form.elements.q;
    this.limit = limit;
    [[this.order]] = ORDERS;
    this.results = element('ol', {className: 'list wide results', hidden: true});
    this.more = element('div', {className: 'more', hidden: true});
    this.status = element('span', {});
    this.status.setAttribute('role', 'status');
    // Whether somebody submitted the query, and waits for the answer.
    this.entered = false;
    this.calmUntil = 0;

    this.input.addEventListener('focus', () => this.load(), {once: true});
    this.input.addEventListener('input', () => {
      this.entered = false;
      this.calmUntil = 0;
      this.ask();
    });
    form.addEventListener('submit', (event) => {
      this.load();
      event.preventDefault();
      if (this.failed) {
        this.openList();
        return;
      }
      this.entered = true;
      this.ask();
    });
    const hint = form.querySelector('kbd');
    if (hint) hint.hidden = false;
  }

  load() {
    if (this.worker || this.failed) return;
    try {
      this.worker = new Worker(this.form.dataset.worker);
    } catch {
      // Browsers refuse workers for pages at file: URLs.
      this.fail();
      return;
    }
    this.worker.onmessage = ({data}) => this.receive(data);
    this.worker.onerror = () => this.fail();
    this.status.textContent = 'Loading the names of all projects…';
  }

  ask() {
    this.load();
    this.results.ariaBusy = String(!this.failed);
    this.worker?.postMessage({query: this.input.value, limit: this.limit, order: this.order});
  }

  receive(answer) {
    if (answer.failed) {
      this.fail();
      return;
    }
    if (answer.query !== this.input.value || answer.order !== this.order) return;
    clearTimeout(this.held);
    const wait = answer.last ? 0 : this.calmUntil - performance.now();
    if (wait > 0) this.held = setTimeout(() => this.accept(answer), wait);
    else this.accept(answer);
  }

  accept(answer) {
    const {found, words, last} = answer;
    const focused = this.links().indexOf(document.activeElement);
    // An answer from the names alone must not take away the result that has the focus.
    if (!last && focused >= found.length) return;
    const pattern = words.length === 0 ? null : patternOf(words);
    this.results.replaceChildren(...found.map((project) => resultRow(project, pattern)));
    this.results.hidden = found.length === 0;
    this.show(answer);
    if (focused !== -1) (this.links()[focused] ?? this.input).focus();
    this.results.ariaBusy = String(!last);
    if (this.entered) this.enter(answer);
  }

  // Describe an answer that is complete.
  description({total, similar, found, partial}) {
    const exact = total - similar;
    if (this.input.value.trim() === '') return '';
    if (total === 0) return this.nothing();
    if (partial) {
      return `No project matches all of it. ${plural(total, 'project')} `
        + `${total === 1 ? 'matches' : 'match'} a part`;
    }
    if (exact === 0) return `No exact match, but ${plural(similar, 'similar project')}`;
    if (similar > 0) return `${plural(exact, 'project')}, and ${plural(similar, 'similar name')}`;
    if (total > found.length) {
      return `${found.length.toLocaleString('en')} of ${plural(total, 'project')}`;
    }
    return plural(total, 'project');
  }

  nothing() {
    return `No project matches “${this.input.value.trim()}”.`;
  }

  // Return the link to the project of the name that was typed, if it is among the results shown.
  exactMatch(answer) {
    return this.links()[placeOfName(answer)];
  }

  fail() {
    this.worker?.terminate();
    this.worker = null;
    this.failed = true;
    this.results.ariaBusy = 'false';
    const link = element('a', {href: `${root.href}projects/`, textContent: 'all projects'});
    const why = location.protocol === 'file:' ?
      'The search needs a web server, such as python3 -m http.server' :
      'The search is unavailable';
    this.report(`${why}. There is a list of `, link, '.');
    if (this.entered) this.openList();
  }

  // Open what the form opens without a script. With a query it would come back here.
  openList() {
    location.href = this.form.action;
  }

  links() {
    return [...this.results.querySelectorAll('.name'), ...this.more.querySelectorAll('a')];
  }

  move(event) {
    const places = [this.input, ...this.links()];
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    const place = places.indexOf(document.activeElement);
    if (step && place !== -1 && places[place + step]) {
      event.preventDefault();
      places[place + step].focus();
    } else if (place > 0 && (event.key === 'Escape' || isText(event))) {
      // Typed characters go to the search field.
      this.input.focus();
    }
  }
}

// Return what to do if the home page finds nothing. `wanted` is the name of the project that
// somebody followed a link to.
function advice(wanted) {
  const points = [];
  if (wanted !== null) points.push(['Look in other indexes: the project may be in one of them.']);
  points.push(['Check the spelling: the search forgives one typo.']);
  points.push(['Use a shorter or a more general word.']);
  points.push(['Browse ', element('a', {
    href: `${root.href}projects/`, textContent: 'all projects',
  }), '.']);
  return [
    element('h2', {textContent: 'What you can try'}),
    element('ul', {}, ...points.map((point) => element('li', {}, ...point))),
  ];
}

// The home page shows the results in place of the latest uploads. Its URL has the query.
class HomeFinder extends Finder {
  constructor(form, results) {
    super(form, FIRST);
    this.results = results;
    this.heading = element('h2', {className: 'vh', textContent: 'Results', hidden: true});
    results.before(this.heading);
    results.after(this.more);
    this.orders = this.orderButtons();
    (document.querySelector('.counts') ?? form).prepend(this.status, this.orders);
    // What the heading and the title of the page say while nobody searches.
    this.top = document.querySelector('.hero [data-searching]');
    this.topic = this.top?.textContent;
    this.title = document.title;
    form.addEventListener('submit', () => this.writeAddress());
    // The back button returns to these results.
    results.addEventListener('click', () => this.writeAddress());
    this.more.addEventListener('click', (event) => this.showMore(event));
    for (const place of [form, results, this.more]) {
      place.addEventListener('keydown', (event) => this.move(event));
    }
    addEventListener('popstate', () => this.readAddress());
    this.readAddress();
    // Focus a query from the URL to continue it; without one, the arrow keys should scroll.
    if (this.input.value !== '') this.input.focus({preventScroll: true});
  }

  orderButtons() {
    const buttons = ORDERS.map(([order, textContent]) => element('button', {
      type: 'button', textContent, onclick: () => {
        this.order = order;
        this.ask();
        this.writeAddress();
      },
    }));
    return element('span', {
      className: 'orders', role: 'group', ariaLabel: 'Order of the results', hidden: true,
    }, ...buttons);
  }

  readAddress() {
    const parameters = new URLSearchParams(location.search);
    const order = parameters.get('order');
    this.order = ORDERS.some(([known]) => known === order) ? order : ORDERS[0][0];
    // Open the project of this name, if there is one; otherwise search for it.
    this.wanted = parameters.get('name')?.trim() || null;
    this.input.value = this.wanted ?? parameters.get('q') ?? '';
    this.limit = Math.max(FIRST, Number.parseInt(parameters.get('show'), 10) || 0);
    this.asking = this.input.value;
    this.calmUntil = MILLISECONDS_OF_CALM;
    if (this.input.value !== '' || this.worker) this.ask();
  }

  writeAddress() {
    clearTimeout(this.timer);
    const address = new URL(searchAddress(this.input.value, this.limit, this.order));
    address.pathname = location.pathname;
    if (address.href !== location.href) history.replaceState(null, '', address);
    const query = this.input.value.trim();
    document.title = query === '' ? this.title : `${query} – ${this.title}`;
  }

  ask() {
    // Another query begins with the first results again.
    if (this.input.value !== this.asking) {
      this.limit = FIRST;
      this.wanted = null;
    }
    this.asking = this.input.value;
    // The page's style hides what is not of the search.
    const isSearching = this.input.value.trim() !== '';
    document.documentElement.classList.toggle('searching', isSearching);
    if (this.top) this.top.textContent = isSearching ? this.top.dataset.searching : this.topic;
    super.ask();
    clearTimeout(this.timer);
    // Browsers limit how often a page may change its address.
    this.timer = setTimeout(() => this.writeAddress(), 300);
  }

  receive(answer) {
    if (answer.query === this.wanted && placeOfName(answer) !== -1) {
      // A later answer would begin the navigation anew.
      this.worker.terminate();
      // The back button returns to the page with the link.
      location.replace(projectAddress(answer.words.join('-')));
    } else {
      super.receive(answer);
    }
  }

  description(answer) {
    if (this.wanted === null) return super.description(answer);
    const {total} = answer;
    const instead = total === 0 ? '' : ` Found instead: ${plural(total, 'project')}`;
    return `This index has no project called ${this.wanted}.${instead}`;
  }

  show(answer) {
    const {found, total, last} = answer;
    const isSearching = this.input.value.trim() !== '';
    this.heading.hidden = found.length === 0;
    this.orders.hidden = total < 2;
    [...this.orders.children].forEach((button, number) => {
      button.ariaPressed = String(ORDERS[number][0] === this.order);
    });
    if (last) this.status.textContent = this.description(answer);
    this.more.classList.toggle('advice', found.length === 0);
    const rest = total - found.length;
    this.more.hidden = !last || !isSearching || (found.length > 0 && rest === 0);
    if (rest > 0) {
      const target = rest > MORE ? found.length + MORE : total;
      this.more.replaceChildren(element('a', {
        className: 'button', href: searchAddress(this.input.value, target, this.order),
        textContent: target === total ? `Show all ${total.toLocaleString('en')}` :
          `Show ${MORE.toLocaleString('en')} more`,
      }));
      this.target = target;
    } else if (found.length === 0) {
      this.more.replaceChildren(...advice(this.wanted));
    }
    if (this.next !== undefined && last) {
      this.links()[this.next]?.focus();
      this.next = undefined;
    }
  }

  report(...message) {
    this.status.replaceChildren(...message);
  }

  // Add results, and focus the first of them, unless the link is to open in a window of its own.
  showMore(event) {
    const {target, ctrlKey, metaKey, shiftKey} = event;
    if (!target.matches('.button') || ctrlKey || metaKey || shiftKey) return;
    event.preventDefault();
    this.next = this.results.children.length;
    this.limit = this.target;
    this.ask();
    this.writeAddress();
  }

  // Open the only or exact match; otherwise focus the first result, so that Enter opens it.
  enter(answer) {
    const {found, total, last, partial} = answer;
    const exact = this.exactMatch(answer);
    // The summaries may match further projects.
    if (!last && total < 2 && !exact) return;
    this.entered = false;
    const [first] = this.links();
    if (exact) exact.click();
    else if (total === 1 && !found[0].similar && !partial) first.click();
    else if (found.length !== 0) first.focus();
  }
}

// Other pages show the best results below the box in the header.
class HeaderFinder extends Finder {
  constructor(form) {
    super(form, BELOW_BOX);
    this.list = element('div', {className: 'hits', hidden: true}, this.results, this.more);
    this.status.className = 'vh';
    form.append(this.list, this.status);
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !this.list.hidden) {
        // Without this, browsers clear the field too.
        event.preventDefault();
        this.input.focus();
        this.list.hidden = true;
      } else {
        if (event.key === 'ArrowDown' && event.target === this.input) this.open();
        this.move(event);
      }
    });
    this.input.addEventListener('focus', () => this.open());
    form.addEventListener('focusout', ({relatedTarget}) => {
      if (relatedTarget !== null && !form.contains(relatedTarget)) this.list.hidden = true;
    });
    document.addEventListener('pointerdown', ({target}) => {
      if (!form.contains(target)) this.list.hidden = true;
    });
  }

  open() {
    this.list.hidden = this.results.hidden && this.more.hidden;
  }

  show(answer) {
    const {query, total, found, last} = answer;
    const areAllShown = found.length !== 0 && found.length === total;
    this.more.hidden = query.trim() === '' || !last || areAllShown;
    if (last) this.status.textContent = this.description(answer);
    if (found.length === 0) {
      this.more.replaceChildren(`${this.nothing()} `, element('a', {
        href: `${root.href}projects/`, textContent: 'All projects',
      }));
    } else {
      this.more.replaceChildren(element('a', {
        href: searchAddress(query), textContent: `All ${plural(total, 'result')}`,
      }));
    }
    if (this.form.contains(document.activeElement)) this.open();
  }

  // Open the exact match, otherwise the results on the home page.
  enter(answer) {
    this.entered = false;
    if (answer.query.trim() === '') return;
    const exact = this.exactMatch(answer);
    if (exact) exact.click();
    else location.href = searchAddress(answer.query);
  }

  report(...message) {
    this.more.replaceChildren(...message);
    this.more.hidden = false;
    this.status.textContent = this.more.textContent;
    this.open();
  }
}

// A space is not among them: it scrolls the page.
function isText({key, ctrlKey, metaKey, altKey}) {
  return (/^\S$/u.test(key) || key === 'Backspace') && !ctrlKey && !metaKey && !altKey;
}

function focusOnSlash(event) {
  const typing = event.target.matches('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const input = document.querySelector('form.find input');
  if (input === null) return;
  event.preventDefault();
  input.focus();
  input.select();
}

// A template of the user's may have a form without a worker, or the home page no place for results.
for (const form of document.querySelectorAll('form.find[data-worker]')) {
  const results = form.closest('.hero') && document.querySelector('.results');
  if (results) new HomeFinder(form, results);
  else new HeaderFinder(form);
}
document.addEventListener('keydown', focusOnSlash);
